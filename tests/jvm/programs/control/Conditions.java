import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Conditions {
    static int count; static boolean side(int v) { count++; return v == 1; }
    public static void main(String[] args) {
        int n = 0; for (int i = 0; i < 8; i++) { boolean a = (i & 1) != 0, b = (i & 2) != 0, c = (i & 4) != 0; if (a && b || c) n += 1; if (a || b && c) n += 10; if (!(a || b) && c) n += 100; if ((a || b) && (b || c)) n += 1000; boolean d = a ? b : c; if (d ^ a) n += 10000; if (a == b != c) n += 100000; while (a && !b || c) { n++; a = !a; c = false; } } System.out.println(n); Integer x = null; System.out.println(x != null && x > 3 || n > 5 ? "yes" : "no"); String s = ""; if (s != null & s.length() == 0) System.out.println("empty"); int calls = 0; boolean r = side(1) & side(0) | side(1) ^ side(1); System.out.println(r + " " + count); count = 0; r = side(0) && side(1) || side(1) && !side(0); System.out.println(r + " " + count); int v = 7; v = v > 5 ? v < 10 ? v * 2 : v : -v; System.out.println(v); if (v == 14) if (n < 0) System.out.println("a"); else System.out.println("dangling");
    }
}
