import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class NewtonAndSeries {
    static double integrate(DoubleUnaryOperator f, double a, double b, int n) { double h = (b - a) / n, s = 0; for (int i = 0; i < n; i++) s += f.applyAsDouble(a + (i + 0.5) * h); return s * h; } static double bisect(DoubleUnaryOperator f, double lo, double hi) { while (hi - lo > 1e-12) { double mid = (lo + hi) / 2; if (f.applyAsDouble(mid) > 0) hi = mid; else lo = mid; } return lo; }
    public static void main(String[] args) {
        double g = 1; for (int i = 0; i < 8; i++) { g = (g + 2 / g) / 2; System.out.println(g); } double pi = 0; for (int k = 0; k < 1000; k++) pi += (k % 2 == 0 ? 4.0 : -4.0) / (2 * k + 1); System.out.println(pi); double e = 1, t = 1; for (int i = 1; i < 20; i++) { t /= i; e += t; } System.out.println(e); System.out.println(integrate(x -> x * x, 0, 3, 1000) + " " + bisect(x -> x * x * x - x - 2, 1, 2)); double s = 0; for (int i = 1; i <= 100; i++) s += 1.0 / i; System.out.printf("%.12f %s%n", s, s); double[] xs = {2, 4, 4, 4, 5, 5, 7, 9}; double m = Arrays.stream(xs).average().orElse(0), v = 0; for (double x : xs) v += (x - m) * (x - m); System.out.println(m + " " + Math.sqrt(v / xs.length)); float f = 0; for (int i = 0; i < 100; i++) f += 0.01f; System.out.println(f);
    }
}
