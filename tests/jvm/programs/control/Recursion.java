import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Recursion {
    static long fact(int n) { return n <= 1 ? 1 : n * fact(n - 1); } static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); } static String rev(String s) { return s.isEmpty() ? s : rev(s.substring(1)) + s.charAt(0); } static int digits(int n) { return n == 0 ? 0 : n % 10 + digits(n / 10); } static boolean pal(String s) { return s.length() < 2 || s.charAt(0) == s.charAt(s.length() - 1) && pal(s.substring(1, s.length() - 1)); } static int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); } static long pow(long b, int e) { if (e == 0) return 1; long h = pow(b, e / 2); return e % 2 == 0 ? h * h : h * h * b; } static List<Object> flat(List<?> l) { List<Object> out = new ArrayList<>(); for (Object o : l) if (o instanceof List<?> i) out.addAll(flat(i)); else out.add(o); return out; } static String bin(int n) { return n < 2 ? "" + n : bin(n / 2) + n % 2; } static int hofF(int n) { return n == 0 ? 1 : n - hofM(hofF(n - 1)); } static int hofM(int n) { return n == 0 ? 0 : n - hofF(hofM(n - 1)); } static int count(int[] a, int t, int i) { return t == 0 ? 1 : i == a.length || t < 0 ? 0 : count(a, t - a[i], i + 1) + count(a, t, i + 1); } static int collatz(long n, int s) { return n == 1 ? s : collatz(n % 2 == 0 ? n / 2 : 3 * n + 1, s + 1); }
    public static void main(String[] args) {
        System.out.println(fact(20) + " " + fib(20) + " " + rev("recursion") + " " + digits(98765) + " " + pal("level") + " " + gcd(48, 36) + " " + pow(2, 30) + " " + flat(List.of(1, List.of(2, List.of(3, 4)), 5)) + " " + bin(10) + " " + hofF(12) + hofM(12) + " " + count(new int[] {1, 2, 3, 4}, 5, 0) + " " + collatz(27, 0));
    }
}
