import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Closures {
    interface Counter { int next(); } static Counter makeCounter(int start) { int[] n = {start}; return () -> n[0]++; } private int field = 7; void run() { Runnable r = () -> { field++; this.show("lambda"); }; r.run(); new Object() { void hi() { field += 10; show("anon"); } }.hi(); class Local { int twice() { return field * 2; } } System.out.println(new Local().twice()); } void show(String s) { System.out.println(s + field); } static <A, B> Function<A, B> memo(Function<A, B> f) { Map<A, B> m = new HashMap<>(); return a -> m.computeIfAbsent(a, f); }
    public static void main(String[] args) {
        List<Supplier<Integer>> fs = new ArrayList<>(); for (int i = 0; i < 3; i++) { int j = i * i; fs.add(() -> j + 1); } for (Supplier<Integer> f : fs) System.out.print(f.get() + " "); int[] box = {1}; Runnable r = () -> box[0] *= 2; for (int i = 0; i < 5; i++) r.run(); System.out.println(box[0]); Counter a = makeCounter(10), b = makeCounter(100); System.out.println(a.next() + a.next() + b.next() + a.next()); Function<Integer, Function<Integer, Integer>> add = x -> y -> x + y; System.out.println(add.apply(3).apply(4)); new Closures().run(); Comparator<String> c = new Comparator<>() { int calls; public int compare(String x, String y) { calls++; return y.compareTo(x); } public String toString() { return calls > 0 ? "used" : "unused"; } }; List<String> l = new ArrayList<>(List.of("b", "c", "a")); l.sort(c); System.out.println(l + c.toString()); BiFunction<Double, Double, Double> pow = Math::pow; System.out.println(pow.andThen(Math::round).apply(2.0, 3.5)); Supplier<Runnable> sr = () -> () -> System.out.println("nested"); sr.get().run(); System.out.println(Stream.of(1, 2, 3).map(x -> (Supplier<Integer>) () -> x * x).map(Supplier::get).toList() + Closures.<Integer, Integer>memo(n -> n * n).apply(12).toString());
    }
}
