import java.util.*;
import java.util.function.*;

public class NestedGenerics {
    sealed interface Either<L, R> permits Left, Right {
        static <L, R> Either<L, R> of(boolean left, Supplier<? extends L> l, Supplier<? extends R> r) {
            return left ? new Left<>(l.get()) : new Right<>(r.get());
        }
        default <T> T fold(Function<? super L, ? extends T> onLeft, Function<? super R, ? extends T> onRight) {
            return this instanceof Left<L, R> left ? onLeft.apply(left.value()) : onRight.apply(((Right<L, R>) this).value());
        }
        private String secret() { return "secret of " + getClass().getSimpleName(); }
        default String reveal() { return secret(); }
    }
    record Left<L, R>(L value) implements Either<L, R> {}
    record Right<L, R>(R value) implements Either<L, R> {}

    static class Node<K extends Comparable<? super K>, V> {
        K key; V value; Node<K, V> left, right;
        Node(K key, V value) { this.key = key; this.value = value; }
        Node<K, V> put(K k, V v, BinaryOperator<V> merge) {
            int c = k.compareTo(key);
            if (c == 0) value = merge.apply(value, v);
            else if (c < 0) left = left == null ? new Node<>(k, v) : left.put(k, v, merge);
            else right = right == null ? new Node<>(k, v) : right.put(k, v, merge);
            return this;
        }
        void visit(BiConsumer<? super K, ? super V> sink) {
            if (left != null) left.visit(sink);
            sink.accept(key, value);
            if (right != null) right.visit(sink);
        }
    }

    @SafeVarargs
    static <T extends Comparable<T>> Optional<T> largest(T first, T... rest) {
        T best = first;
        for (T each : rest) if (each.compareTo(best) > 0) best = each;
        return Optional.of(best);
    }

    static <A, B, C> Function<A, Function<B, C>> curry(BiFunction<? super A, ? super B, ? extends C> f) {
        return a -> b -> f.apply(a, b);
    }

    interface Shape<S extends Shape<S>> { S scaled(int by); int area(); }
    record Square(int side) implements Shape<Square> {
        public Square scaled(int by) { return new Square(side * by); }
        public int area() { return side * side; }
    }
    static <S extends Shape<S>> List<S> grow(S start, int times) {
        List<S> all = new ArrayList<>();
        for (S s = start; times-- > 0; s = s.scaled(2)) all.add(s);
        return all;
    }

    public static void main(String[] args) {
        for (boolean left : new boolean[] {true, false}) {
            Either<String, Map<String, List<Integer>>> e = Either.of(left, () -> "oops", () -> Map.of("k", List.of(1, 2)));
            System.out.println(e + " " + e.fold(String::length, m -> m.get("k").size() * 100) + " " + e.reveal());
        }
        Node<String, Integer> root = new Node<>("m", 1);
        for (String s : "the quick brown fox jumps over the lazy dog the end".split(" ")) root.put(s, 1, Integer::sum);
        StringJoiner joined = new StringJoiner(", ", "{", "}");
        root.visit((k, v) -> joined.add(k + "=" + v));
        System.out.println(joined);
        System.out.println(largest(3, 9, 2).get() + " " + largest("x").get() + " " + largest('a', 'z', 'q').map(c -> (int) c).get());
        System.out.println(curry((String s, Integer n) -> s.repeat(n)).apply("ab").apply(3));
        System.out.println(grow(new Square(1), 4).stream().mapToInt(Square::area).sum() + " " + grow(new Square(3), 2));
        Map<String, Map<Integer, List<String>>> nested = new TreeMap<>();
        for (String w : List.of("ant", "ape", "bee", "boar", "asp", "bear"))
            nested.computeIfAbsent(w.substring(0, 1), k -> new TreeMap<>()).computeIfAbsent(w.length(), k -> new LinkedList<>()).add(w);
        System.out.println(nested);
        List<? super Integer> sink = new ArrayList<Number>(List.of(1.5));
        sink.add(7);
        Object got = sink.get(1);
        System.out.println(sink + " " + got);
        List raw = new ArrayList<String>();
        raw.add(42);
        List<String> wrong = raw;
        try {
            String s = wrong.get(0);
            System.out.println(s);
        } catch (ClassCastException e) {
            System.out.println("polluted");
        }
    }
}
