import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Fractions {
    record Frac(long n, long d) implements Comparable<Frac> { Frac { if (d == 0) throw new ArithmeticException("zero denominator"); long g = gcd(Math.abs(n), Math.abs(d)); if (d < 0) g = -g; n /= g; d /= g; } static long gcd(long a, long b) { return b == 0 ? a : gcd(b, a % b); } Frac plus(Frac o) { return new Frac(n * o.d + o.n * d, d * o.d); } Frac minus(Frac o) { return plus(new Frac(-o.n, o.d)); } Frac times(Frac o) { return new Frac(n * o.n, d * o.d); } Frac over(Frac o) { return new Frac(n * o.d, d * o.n); } public int compareTo(Frac o) { return Long.compare(n * o.d, o.n * d); } @Override public String toString() { return d == 1 ? "" + n : n + "/" + d; } } record Complex(double re, double im) { Complex plus(Complex o) { return new Complex(re + o.re, im + o.im); } Complex times(Complex o) { return new Complex(re * o.re - im * o.im, re * o.im + im * o.re); } }
    public static void main(String[] args) {
        Frac a = new Frac(1, 2), b = new Frac(-3, 4); System.out.println(a.plus(b) + " " + a.times(b) + " " + a.minus(b) + " " + a.over(b) + " " + a.compareTo(b) + " " + new Frac(6, 8).equals(new Frac(3, 4))); try { new Frac(1, 0); } catch (ArithmeticException e) { System.out.println(e.getMessage()); } Frac h = new Frac(0, 1); for (int i = 1; i <= 20; i++) h = h.plus(new Frac(1, i)); System.out.println(h); Complex z = new Complex(0, 0), c = new Complex(-0.4, 0.6); for (int i = 0; i < 10; i++) z = z.times(z).plus(c); System.out.println(z); for (double y = 1; y >= -1; y -= 0.5) { StringBuilder s = new StringBuilder(); for (double x = -2; x <= 0.5; x += 0.125) { double u = 0, v = 0; int n = 0; while (u * u + v * v < 4 && n < 30) { double t = u * u - v * v + x; v = 2 * u * v + y; u = t; n++; } s.append(n == 30 ? '#' : n > 5 ? '+' : '.'); } System.out.println(s); }
    }
}
