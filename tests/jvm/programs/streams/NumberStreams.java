import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class NumberStreams {

    public static void main(String[] args) {
        System.out.println(IntStream.rangeClosed(1, 5).reduce(1, (a, b) -> a * b));
        System.out.println(IntStream.range(0, 5).mapToObj(i -> "x".repeat(i)).toList());
        System.out.println(IntStream.of(3, 1, 2).boxed().sorted(Comparator.reverseOrder()).toList());
        System.out.println(DoubleStream.of(1, 2, 3).map(Math::sqrt).mapToObj(d -> String.format("%.2f", d)).collect(Collectors.joining(" ")));
        System.out.println(LongStream.range(0, 5).filter(x -> x % 2 == 0).sum() + " " + IntStream.rangeClosed(1, 4).mapToDouble(i -> 1.0 / i).sum());
        System.out.println(IntStream.rangeClosed(1, 100).summaryStatistics());
        System.out.println(DoubleStream.of(1.5, 2.5).summaryStatistics() + " " + DoubleStream.empty().average());
        System.out.println(Arrays.stream(new double[] {0.1, 0.2, 0.3}).sum() + " " + Stream.of(0.1, 0.2, 0.3).collect(Collectors.summingDouble(d -> d)) + " " + Stream.of(0.1, 0.2, 0.3).mapToDouble(d -> d).reduce(0, Double::sum));
        System.out.println(IntStream.iterate(1, i -> i * 3).takeWhile(i -> i < 500).boxed().toList() + "" + IntStream.concat(IntStream.of(1), IntStream.of(2)).sum());
        System.out.println("hello".chars().mapToObj(c -> Character.toString(c)).collect(Collectors.toList()) + "" + "abc".chars().map(c -> c - 'a').boxed().toList());
        System.out.println(IntStream.range(0, 20).skip(5).limit(3).max().getAsInt() + " " + IntStream.of(1, 2).anyMatch(i -> i == 2) + IntStream.of(5, 5, 6).distinct().count());
    }
}
