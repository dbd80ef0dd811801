import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class StreamCollectors {
    record Sale(String region, String item, int count, double price) {
        double total() { return count * price; }
    }

    public static void main(String[] args) {
        List<Sale> sales = List.of(
            new Sale("north", "nut", 3, 1.5), new Sale("south", "bolt", 10, 0.25),
            new Sale("north", "bolt", 7, 0.3), new Sale("east", "gear", 1, 12.75),
            new Sale("south", "gear", 2, 11.0), new Sale("north", "gear", 1, 13.5));
        Map<String, String> byRegion = sales.stream().collect(Collectors.groupingBy(Sale::region, TreeMap::new,
            Collectors.mapping(Sale::item, Collectors.joining("+", "<", ">"))));
        System.out.println(byRegion);
        System.out.println(sales.stream().collect(Collectors.partitioningBy(s -> s.total() > 5, Collectors.counting())));
        Map<String, Integer> counts = sales.stream().collect(Collectors.toMap(Sale::item, Sale::count, Integer::sum, LinkedHashMap::new));
        System.out.println(counts);
        String both = sales.stream().collect(Collectors.teeing(
            Collectors.summingDouble(Sale::total), Collectors.counting(), (sum, n) -> String.format("%.3f/%d", sum, n)));
        System.out.println(both);
        IntSummaryStatistics stats = sales.stream().mapToInt(Sale::count).summaryStatistics();
        System.out.println(stats);
        DoubleSummaryStatistics d = sales.stream().collect(Collectors.summarizingDouble(Sale::price));
        System.out.println(d);
        Map<String, String> best = sales.stream().collect(Collectors.groupingBy(Sale::item, TreeMap::new,
            Collectors.collectingAndThen(Collectors.maxBy(Comparator.comparingDouble(Sale::total)), o -> o.get().region())));
        System.out.println(best);
        System.out.println(sales.stream().sorted(Comparator.comparing(Sale::region).reversed().thenComparing(Sale::total))
            .map(Sale::toString).collect(Collectors.joining("\n")));
        System.out.println(Stream.iterate(1, x -> x < 500, x -> x * 3).takeWhile(x -> x < 200).dropWhile(x -> x < 5).toList());
        System.out.println(IntStream.rangeClosed(1, 5).boxed().flatMap(i -> Stream.of(i, -i)).reduce(0, (a, b) -> a * 2 + b));
        Deque<String> letters = Stream.of("b", "a", "c", "a").distinct().sorted(Collections.reverseOrder())
            .collect(Collectors.toCollection(ArrayDeque::new));
        System.out.println(letters);
        System.out.println(Arrays.stream(new int[][] {{1, 2}, {}, {3}}).flatMapToInt(Arrays::stream).mapToObj(Integer::toString).collect(Collectors.toList()));
        Map<Boolean, List<Integer>> parts = IntStream.range(0, 10).boxed().collect(Collectors.partitioningBy(i -> i % 3 == 0));
        System.out.println(parts);
        try {
            sales.stream().collect(Collectors.toMap(Sale::item, Sale::price));
        } catch (IllegalStateException e) {
            System.out.println(e.getMessage());
        }
        Supplier<Stream<String>> words = () -> Stream.of("delta", "alpha", "charlie", "bravo");
        String initials = words.get().collect(Collectors.reducing("", s -> s.substring(0, 1), String::concat));
        System.out.println(initials);
        System.out.println(words.get().anyMatch("alpha"::equals) + " " + words.get().noneMatch(String::isEmpty));
        Set<String> five = words.get().collect(Collectors.filtering(w -> w.length() == 5, Collectors.toCollection(TreeSet::new)));
        System.out.println(five);
        System.out.println(words.get().<Character>mapMulti((w, sink) -> { for (char c : w.toCharArray()) if (c == 'a') sink.accept(c); }).count());
        System.out.println(words.get().peek(w -> System.out.print(w.charAt(0))).skip(1).limit(2).map(String::toUpperCase).toList());
    }
}
