import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Iterations {
    static class Matrix implements Iterable<int[]>, Cloneable {
        final int[][] cells;
        Matrix(int n) {
            cells = new int[n][n];
            for (int i = 0; i < n * n; i++) cells[i / n][i % n] = i;
        }
        public Iterator<int[]> iterator() {
            return new Iterator<>() {
                int row;
                public boolean hasNext() {
                    return row < cells.length;
                }
                public int[] next() {
                    if (!hasNext()) throw new NoSuchElementException("row " + row);
                    return cells[row++];
                }
            };
        }
        @Override protected Matrix clone() {
            try {
                Matrix copy = (Matrix) super.clone();
                return copy;
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }
        int[][] spiral() {
            int n = cells.length;
            int[][] out = new int[n][];
            int top = 0, left = 0, bottom = n - 1, right = n - 1, k = 0;
            List<Integer> order = new ArrayList<>();
            while (top <= bottom && left <= right) {
                for (int j = left; j <= right; j++) order.add(cells[top][j]);
                top++;
                for (int i = top; i <= bottom; i++) order.add(cells[i][right]);
                right--;
                if (top <= bottom) {
                    for (int j = right; j >= left; j--) order.add(cells[bottom][j]);
                    bottom--;
                }
                if (left <= right) {
                    for (int i = bottom; i >= top; i--) order.add(cells[i][left]);
                    left++;
                }
            }
            for (int i = 0; i < n; i++) {
                out[i] = new int[n];
                for (int j = 0; j < n; j++) out[i][j] = order.get(k++);
            }
            return out;
        }
    }
    static Iterable<Long> fibonacci(long limit) {
        return () -> new Iterator<Long>() {
            long a = 0, b = 1;
            public boolean hasNext() {
                return a < limit;
            }
            public Long next() {
                long r = a;
                a = b;
                b += r;
                return r;
            }
        };
    }
    static <T> void permute(List<T> items, int k, Consumer<List<T>> sink) {
        if (k == items.size()) {
            sink.accept(new ArrayList<>(items));
            return;
        }
        for (int i = k; i < items.size(); i++) {
            Collections.swap(items, k, i);
            permute(items, k + 1, sink);
            Collections.swap(items, k, i);
        }
    }
    static int ackermann(int m, int n) {
        return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
    }
    static String hanoi(int n, char a, char b, char c) {
        return n == 0 ? "" : hanoi(n - 1, a, c, b) + a + b + ' ' + hanoi(n - 1, c, b, a);
    }
    public static void main(String[] args) {
        Matrix m = new Matrix(3);
        int sum = 0;
        for (int[] row : m) for (int cell : row) sum += cell;
        System.out.println(sum + " " + Arrays.deepToString(m.spiral()));
        Matrix copy = m.clone();
        copy.cells[0][0] = 99;
        System.out.println(m.cells[0][0] + " " + (copy != m));
        int[][] deep = m.cells.clone();
        deep[1] = deep[1].clone();
        deep[1][1] = -1;
        System.out.println(m.cells[1][1] + " " + deep.length);
        Iterator<int[]> it = m.iterator();
        while (it.hasNext()) it.next();
        try {
            it.next();
        } catch (NoSuchElementException e) {
            System.out.println(e.getMessage());
        }
        try {
            it.remove();
        } catch (UnsupportedOperationException e) {
            System.out.println(e.getMessage());
        }
        for (long f : fibonacci(100)) System.out.print(f + " ");
        System.out.println(StreamSupport.stream(fibonacci(1L << 40).spliterator(), false).mapToLong(Long::longValue).filter(x -> x % 2 == 0).sum());
        List<String> all = new ArrayList<>();
        permute(new ArrayList<>(List.of('a', 'b', 'c')), 0, p -> all.add(p.stream().map(String::valueOf).collect(Collectors.joining())));
        System.out.println(all);
        System.out.println(ackermann(2, 5) + " " + hanoi(3, 'A', 'B', 'C'));
        PrimitiveIterator.OfInt ints = IntStream.of(3, 1, 2).iterator();
        int product = 1;
        while (ints.hasNext()) product = product * 10 + ints.nextInt();
        System.out.println(product);
        Map<Character, Integer> freq = new TreeMap<>(Comparator.reverseOrder());
        for (char c : "hello world".toCharArray()) if (Character.isLetter(c)) freq.compute(c, (k, v) -> v == null ? 1 : v + 1);
        System.out.println(freq);
        freq.entrySet().removeIf(e -> e.getValue() < 2);
        for (Map.Entry<Character, Integer> e : freq.entrySet()) e.setValue(e.getValue() * 100);
        System.out.println(freq);
        freq.keySet().retainAll(Set.of('l'));
        freq.values().remove(300);
        System.out.println(freq.isEmpty());
        long count = IntStream.rangeClosed(1, 200).filter(n -> IntStream.rangeClosed(2, (int) Math.sqrt(n)).noneMatch(d -> n % d == 0)).count();
        System.out.println(count + " " + LongStream.rangeClosed(1, 20).reduce(1, (a, b) -> a * b) + " " + DoubleStream.of(1, 2, 4).map(Math::sqrt).average().orElse(-1) + " " + IntStream.empty().max() + " " + "hello".chars().mapToObj(c -> (char) c).map(String::valueOf).sorted(Comparator.reverseOrder()).collect(Collectors.joining("-")));
        System.out.println(Stream.of(1, 2, 3, 4).collect(ArrayList::new, (List<Integer> l, Integer x) -> l.add(0, x), List::addAll));
        Object[] objects = Stream.of("a", 1, 2.5, 'c', null, new int[] {1}).map(o -> o == null ? "null" : o.getClass().getSimpleName()).toArray();
        System.out.println(Arrays.toString(objects));
        System.out.println(Stream.generate(new Random(3)::nextBoolean).limit(6).toList() + " " + IntStream.iterate(7, x -> x % 2 == 0 ? x / 2 : 3 * x + 1).takeWhile(x -> x != 1).boxed().map(Integer::toHexString).toList());
        Optional<String> o = Optional.of("v");
        System.out.println(o.map(String::length).filter(x -> x > 3).or(() -> Optional.of(-1)).get() + " " + o.flatMap(x -> Optional.<Integer>empty()).isPresent() + o.stream().count());
        try {
            Optional.empty().orElseThrow();
        } catch (NoSuchElementException e) {
            System.out.println(e.getMessage());
        }
    }
}
