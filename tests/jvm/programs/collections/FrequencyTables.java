import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class FrequencyTables {

    public static void main(String[] args) {
        int[] data = {5, 3, 5, 1, 3, 5, 9}; Map<Integer, Integer> f = new TreeMap<>(); for (int d : data) f.merge(d, 1, Integer::sum); System.out.println(f); int best = Collections.max(f.entrySet(), Map.Entry.comparingByValue()).getKey(); System.out.println(best); Map<Integer, List<Integer>> inv = new TreeMap<>(Comparator.reverseOrder()); f.forEach((k, v) -> inv.computeIfAbsent(v, x -> new ArrayList<>()).add(k)); System.out.println(inv); Map<String, Map<String, Integer>> table = new TreeMap<>(); for (String s : "a:x a:y b:x a:x".split(" ")) { String[] p = s.split(":"); table.computeIfAbsent(p[0], k -> new TreeMap<>()).merge(p[1], 1, Integer::sum); } System.out.println(table); Set<Set<Integer>> ss = new HashSet<>(); ss.add(new HashSet<>(List.of(1, 2))); ss.add(new HashSet<>(List.of(2, 1))); System.out.println(ss.size()); Map<List<Integer>, String> byList = new HashMap<>(); byList.put(Arrays.asList(1, 2), "l"); System.out.println(byList.get(List.of(1, 2))); HashMap<String, Integer> big = new HashMap<>(); for (int i = 0; i < 3000; i++) big.merge("k" + i % 700, i, Integer::sum); System.out.println(big.size() + " " + big.get("k5") + " " + big.values().stream().mapToLong(x -> x).sum()); System.out.println(new HashSet<>(List.of("banana", "apple", "cherry", "date")) + " " + new HashSet<>(List.of(100, 5, 33, 17, 64)));
    }
}
