import java.util.*;

public class HashesOfThings {
    record Point(int x, int y) {}
    record Mixed(String s, double d, long l, boolean b, char c, float f, byte[] a, Point p) {}
    record Empty() {}
    record Range(int lo, int hi) implements Comparable<Range> {
        static int made;
        Range { if (lo > hi) { int t = lo; lo = hi; hi = t; } made++; }
        Range(int only) { this(only, only); }
        int size() { return hi - lo + 1; }
        @Override public int compareTo(Range o) { return Integer.compare(size(), o.size()); }
        @Override public String toString() { return lo + ".." + hi; }
    }
    record Pair<A, B>(A first, B second) { static <T> Pair<T, T> twin(T t) { return new Pair<>(t, t); } }
    enum Color { RED, GREEN }
    interface Greeter {
        String greet();
        static Greeter polite(String n) {
            return () -> "Dear " + n;
        }
        default Greeter twice() {
            return () -> greet() + ", " + greet();
        }
    }

    public static void main(String[] args) {
        System.out.println(new Point(3, -4).hashCode() + " " + new Point(3, -4) + " " + new Point(1, 2).equals(new Point(1, 2)) + " " + new Empty() + new Empty().hashCode() + new Empty().equals(new Empty()));
        Mixed m = new Mixed("s", 1.5, 1L << 40, true, 'c', -0.0f, null, new Point(0, 1));
        System.out.println(m + " " + m.hashCode() + " " + m.equals(new Mixed("s", 1.5, 1L << 40, true, 'c', 0.0f, null, new Point(0, 1))));
        System.out.println(new Pair<>(Double.NaN, null).equals(new Pair<>(Double.NaN, null)) + " " + Pair.twin("q") + " " + new Pair<>(1, List.of(2)).hashCode());
        List<Range> ranges = new ArrayList<>(List.of(new Range(9, 1), new Range(5), new Range(2, 4)));
        Collections.sort(ranges);
        System.out.println(ranges + " " + Range.made + " " + ranges.get(1).lo());
        System.out.println(List.of(1, 2, 3).hashCode() + " " + Set.of("a").hashCode() + " " + Map.of("k", 1).hashCode() + " " + Arrays.hashCode(new int[] {1, 2}) + " " + Arrays.deepHashCode(new Object[] {new int[] {1}, "x"}) + " " + Objects.hash(1, null, "z"));
        System.out.println("hello".hashCode() + " " + Boolean.hashCode(true) + " " + Double.hashCode(1.5) + " " + Long.hashCode(-1L) + " " + Character.hashCode('x') + " " + Float.hashCode(2.5f) + " " + Optional.empty().hashCode() + " " + new AbstractMap.SimpleEntry<>("a", 2).hashCode());
        Object plain = new Object();
        System.out.println((plain.hashCode() == System.identityHashCode(plain)) + " " + (Color.RED.hashCode() == Color.RED.hashCode()) + " " + plain.toString().startsWith("java.lang.Object@") + " " + new int[0].toString().startsWith("[I@"));
        Map<Object, String> map = new HashMap<>();
        map.put(new Point(1, 1), "point");
        map.put(Color.GREEN, "green");
        map.put(List.of(1), "list");
        map.put(null, "null");
        map.put(1, "int");
        map.put(1L, "long");
        System.out.println(map.get(new Point(1, 1)) + map.get(Color.valueOf("GREEN")) + map.get(Arrays.asList(1)) + map.get(null) + map.get(1) + map.get(1L) + map.get('1') + map.size());
        System.out.println(Greeter.polite("Ada").twice().twice().greet());
        Map<String, Integer> iteration = new HashMap<>();
        for (String w : "one two three four five six seven eight nine ten eleven twelve thirteen".split(" ")) iteration.put(w, w.length());
        System.out.println(iteration);
        System.out.println(new HashSet<>(List.of(100, 17, 33, 1, 65536, -5)));
        Object p = new Point(1, 2);
        if (p instanceof Point q && q.x() == 1 && !(q.y() > 5)) System.out.println("matched " + q.y());
        Object o = m;
        if (!(o instanceof Mixed mixed)) throw new AssertionError();
        System.out.println(mixed.p().x() + " " + mixed.c());
        record Local(int... values) { int sum() { return Arrays.stream(values).sum(); } }
        System.out.println(new Local(1, 2, 3).sum());
    }
}
