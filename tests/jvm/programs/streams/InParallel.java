import java.util.*;
import java.util.stream.*;
public class InParallel { public static void main(String[] a) {
 System.out.println(List.of(1,2,3).parallelStream().mapToInt(x -> x).sum());
 System.out.println(IntStream.range(0, 1000).parallel().filter(x -> x % 3 == 0).count());
 int[] x = {3,1,2}; Arrays.parallelSort(x); System.out.println(Arrays.toString(x));
 Arrays.parallelSetAll(x, i -> i * i); System.out.println(Arrays.toString(x));

}}
