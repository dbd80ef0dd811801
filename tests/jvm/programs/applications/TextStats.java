import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class TextStats {
    static String wrap(String s, int width) { StringBuilder out = new StringBuilder(); int col = 0; for (String w : s.split(" ")) { if (col + w.length() > width) { out.append("\n"); col = 0; } if (col > 0) { out.append(' '); col++; } out.append(w); col += w.length(); } return out.toString(); }
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in); Map<String, Integer> freq = new TreeMap<>(); int lines = 0, words = 0, chars = 0; String longest = ""; while (in.hasNextLine()) { String line = in.nextLine(); lines++; chars += line.length(); for (String w : line.toLowerCase().split("[^a-z']+")) { if (w.isEmpty()) continue; words++; freq.merge(w, 1, Integer::sum); if (w.length() > longest.length()) longest = w; } } System.out.printf("%d lines, %d words, %d chars, longest %s%n", lines, words, chars, longest); freq.entrySet().stream().sorted((a, b) -> b.getValue() != a.getValue() ? b.getValue() - a.getValue() : a.getKey().compareTo(b.getKey())).limit(5).forEach(e -> System.out.printf("%-8s %3d %s%n", e.getKey(), e.getValue(), "*".repeat(e.getValue()))); System.out.println(wrap("The quick brown fox jumps over the lazy dog and runs away from the bear", 20)); Map<String, List<String>> anagrams = new TreeMap<>(); for (String w : List.of("listen", "silent", "enlist", "google", "elbow", "below")) { char[] c = w.toCharArray(); Arrays.sort(c); anagrams.computeIfAbsent(new String(c), k -> new ArrayList<>()).add(w); } System.out.println(anagrams.values());
    }
}
