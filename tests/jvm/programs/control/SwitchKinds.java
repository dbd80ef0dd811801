import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class SwitchKinds {
    static int sparse(int x) { switch (x) { case -1000: return 1; case 0: return 2; case 5000: return 3; case 1 << 30: return 4; } return 0; } static char dense(int x) { return switch (x) { case 0, 1 -> 'a'; case 2 -> 'b'; case 3 -> 'c'; case 4 -> 'd'; case 5 -> 'e'; default -> '-'; }; } static int hash(String s) { return switch (s) { case "red" -> 1; case "blue" -> 2; case "AaAa" -> 3; case "BBBB" -> 4; case "AaBB" -> 5; default -> -1; }; } static String nested(int a, int b) { switch (a) { case 1: switch (b) { case 2: return "12"; default: return "1?"; } case 2: { String t = "two"; return t; } default: return "?"; } } static String classify(char c) { return switch (c) { case 'a', 'e', 'i', 'o', 'u' -> "vowel"; case ' ' -> "space"; default -> Character.isDigit(c) ? "digit" : Character.isLetter(c) ? "letter" : "other"; }; }
    public static void main(String[] args) {
        for (int i = -2; i < 8; i++) System.out.print(sparse(i * 1000) + dense(i) + " "); System.out.println(); for (String s : new String[] {"red", "green", "blue", "AaAa", "BBBB", "AaBB"}) System.out.print(hash(s) + " "); System.out.println(); System.out.println(nested(1, 2) + nested(2, 2) + nested(3, 9)); for (char c : "a1 +Z".toCharArray()) System.out.print(classify(c) + " "); System.out.println(); Object o = 42; String r = switch (o.hashCode() % 3) { case 0 -> { int q = 0; for (int i = 0; i < 5; i++) { if (i == 3) break; q += i; } yield "zero" + q; } case 1 -> "one"; default -> throw new IllegalStateException(); }; System.out.println(r); long total = 0; for (int i = 0; i < 100; i++) switch (i % 7) { case 0: total += i; case 1: total *= 2; break; case 5: continue; case 6: total -= 3; default: total++; } System.out.println(total);
    }
}
