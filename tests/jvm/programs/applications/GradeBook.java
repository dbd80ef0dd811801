import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class GradeBook {
    static char grade(List<Integer> v) { double a = v.stream().mapToInt(Integer::intValue).average().orElse(0); return a >= 90 ? 'A' : a >= 75 ? 'B' : a >= 60 ? 'C' : 'F'; }
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in); int n = Integer.parseInt(in.nextLine().trim()); Map<String, List<Integer>> g = new TreeMap<>(); for (int i = 0; i < n; i++) { String[] p = in.nextLine().split(":"); List<Integer> marks = new ArrayList<>(); for (String s : p[1].trim().split("\\s+")) { try { marks.add(Integer.parseInt(s)); } catch (NumberFormatException e) { System.out.println("bad mark '" + s + "' for " + p[0]); } } g.put(p[0], marks); } g.forEach((k, v) -> System.out.printf("%-6s avg %6.2f max %3d grade %c%n", k, v.stream().mapToInt(x -> x).average().orElse(Double.NaN), v.stream().mapToInt(x -> x).max().orElse(-1), grade(v))); while (in.hasNext()) { String cmd = in.next(); switch (cmd) { case "get" -> System.out.println(g.getOrDefault(in.next(), List.of())); case "sum" -> { int a = in.nextInt(), b = in.nextInt(); System.out.println(a + b); } case "quit" -> { System.out.println("bye"); return; } default -> System.out.println("unknown " + cmd); } }
    }
}
