import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class NestedLoops {
    static String fizz(int n) { StringBuilder s = new StringBuilder(); for (int i = 1; i <= n; i++) s.append(i % 15 == 0 ? "FizzBuzz" : i % 5 == 0 ? "Buzz" : i % 3 == 0 ? "Fizz" : String.valueOf(i)).append(i < n ? "," : ""); return s.toString(); }
    public static void main(String[] args) {
        int c = 0; a: for (int i = 0; ; i++) { b: for (int j = 0; ; j++) { for (int k = 0; ; k++) { c++; if (k > j) continue b; if (j > i) continue a; if (i + j + k > 12) break a; if (k == 3 && j == 2) break b; } } } System.out.println(c); int n = 5; for (int i = 1; i <= n; i++) { System.out.print(" ".repeat(n - i)); for (int j = 1; j <= i; j++) System.out.print(j); for (int j = i - 1; j >= 1; j--) System.out.print(j); System.out.println(); } for (int i = 1; i <= 3; i++) { for (int j = 1; j <= 10; j++) System.out.printf("%4d", i * j); System.out.println(); } int x = 0, y = 100; while (x < y) { x += 7; if (x % 2 == 0) { y -= 3; continue; } if (y % 5 == 0) break; y--; } System.out.println(x + " " + y); int d = 0; do { d++; if (d == 2) continue; if (d > 6) break; } while (d < 10); System.out.println(d); outer: while (true) { do { if (d-- < 0) break outer; } while (d % 3 != 0); System.out.print(d + ";"); } System.out.println(); for (int i = 0, j = 0; i < 5 && j < 50; i++, j += i * i) System.out.print(j + " "); System.out.println(fizz(15));
    }
}
