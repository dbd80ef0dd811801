import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class DoublePrinting {

    public static void main(String[] args) {
        for (double d : new double[] {1, 10, 100, 1234567, 12345678, 1e7, 1e-3, 9.999e-4, 0.1 + 0.7, 1.0 / 3, 2.0 / 3, 100.0 / 3, 1e21, 1.5e300, 4.9e-324, 123456.789e3, Math.PI * 1e10, 5e-5, 0.30000000000000004, 1e16, 123456789012345680.0, 2e-3, 1.0E23, 8.41E21, 2.0E-3, 5.0E-324, 9007199254740993.0, 4.35, 4.349999999999999, 0.5, 1 - 0.9, 1.1 * 1.1, Math.sqrt(2), Math.E}) System.out.print(d + " " + (float) d + " " + -d + "; "); System.out.println();
        double x = 1; for (int i = 0; i < 40; i++) { x *= 0.37; System.out.print(x + " "); } System.out.println(); float y = 1; for (int i = 0; i < 40; i++) { y *= 3.3f; System.out.print(y + " "); } System.out.println(); for (int i = -30; i < 60; i++) System.out.print(Math.pow(2, i) + " " + (float) Math.pow(2, -i) + " "); System.out.println();
    }
}
