import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Iterating {

    public static void main(String[] args) {
        Map<String, Integer> m = new LinkedHashMap<>(); String[] keys = {"x", "y", "z"}; for (int i = 0; i < keys.length; i++) m.put(keys[i], i); for (var e : m.entrySet()) { e.setValue(e.getValue() * 10); System.out.print(e + " "); } for (String k : m.keySet()) System.out.print(k); for (int v : m.values()) System.out.print(v); System.out.println(); m.entrySet().removeIf(e -> e.getValue() == 10); System.out.println(m); var list = new ArrayList<Map<String, List<Integer>>>(); list.add(Map.of("a", List.of(1, 2))); for (var mm : list) for (var e : mm.entrySet()) for (var n : e.getValue()) System.out.print(e.getKey() + n); System.out.println(); Iterator<Map.Entry<String, Integer>> it = m.entrySet().iterator(); it.next(); it.remove(); System.out.println(m.size()); Scanner sc = new Scanner("1 2\n3 four\n\nfive"); int s = 0; while (sc.hasNextInt()) s += sc.nextInt(); System.out.println(s + sc.next() + "[" + sc.nextLine() + "][" + sc.nextLine() + "]" + sc.nextLine() + sc.hasNextLine()); StringTokenizer st = new StringTokenizer("a b  c"); System.out.println(st.countTokens() + st.nextToken()); Enumeration<Integer> en = Collections.enumeration(List.of(1, 2)); while (en.hasMoreElements()) System.out.print(en.nextElement()); System.out.println(); PrimitiveIterator.OfInt pi = IntStream.range(0, 3).iterator(); while (pi.hasNext()) System.out.print(pi.nextInt()); System.out.println(); Spliterator<String> sp = List.of("p", "q", "r").spliterator(); sp.tryAdvance(System.out::print); sp.forEachRemaining(System.out::println); char[] cs = "hello".toCharArray(); for (char ch : cs) ch++; System.out.println(cs); for (Object o : new Object[] {1, "a", null}) System.out.print(o + " "); System.out.println(); Properties p = new Properties(); p.setProperty("k", "v"); System.out.println(p.getProperty("k") + p.getProperty("none", "dflt"));
    }
}
