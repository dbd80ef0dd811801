import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Primes {
    static boolean prime(int n) { for (int d = 2; d * d <= n; d++) if (n % d == 0) return false; return n > 1; } static String factors(long n) { StringJoiner j = new StringJoiner(" x "); for (long d = 2; d * d <= n; d++) while (n % d == 0) { j.add("" + d); n /= d; } if (n > 1) j.add("" + n); return j.toString(); } static int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); } static int lcm(int a, int b) { return a / gcd(a, b) * b; } static int[] extended(int a, int b) { if (b == 0) return new int[] {a, 1, 0}; int[] r = extended(b, a % b); return new int[] {r[0], r[2], r[1] - a / b * r[2]}; } static long modpow(long b, long e, long m) { long r = 1; for (b %= m; e > 0; e >>= 1) { if ((e & 1) == 1) r = r * b % m; b = b * b % m; } return r; } static int phi(int n) { int r = 0; for (int i = 1; i <= n; i++) if (gcd(i, n) == 1) r++; return r; }
    public static void main(String[] args) {
        List<Integer> ps = new ArrayList<>(); for (int i = 2; ps.size() < 30; i++) if (prime(i)) ps.add(i); System.out.println(ps); for (long n : new long[] {360, 97, 1001, 600851475143L}) System.out.println(n + " = " + factors(n)); System.out.println(gcd(1071, 462) + " " + lcm(21, 6) + " " + Arrays.toString(extended(240, 46)) + " " + modpow(7, 560, 561) + " " + phi(36)); StringBuilder perfect = new StringBuilder(); for (int i = 2; i < 500; i++) { int s = 1; for (int d = 2; d * d <= i; d++) if (i % d == 0) s += d + (d * d == i ? 0 : i / d); if (s == i) perfect.append(i).append(' '); } System.out.println(perfect); BitSet sieve = new BitSet(200); sieve.set(2, 200); for (int i = 2; i * i < 200; i++) if (sieve.get(i)) for (int j = i * i; j < 200; j += i) sieve.clear(j); System.out.println(sieve.cardinality()); for (int n = 100; n < 1000; n++) { int s = 0; for (int t = n; t > 0; t /= 10) s += Math.pow(t % 10, 3); if (s == n) System.out.print(n + " "); } System.out.println();
    }
}
