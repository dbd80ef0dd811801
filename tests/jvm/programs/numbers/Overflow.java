import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Overflow {

    public static void main(String[] args) {
        int i = Integer.MAX_VALUE; i++; System.out.println(i); i -= 1; System.out.println(i); long l = i + 1; System.out.println(l); l = i + 1L; System.out.println(l);
        short s = Short.MAX_VALUE; s += 1; System.out.println(s); byte b = (byte) (127 + 1); System.out.println(b); b >>>= 1; System.out.println(b); char c = 0; c--; System.out.println((int) c); int h = 17; for (int k = 0; k < 20; k++) h = h * 31 + k; System.out.println(h); System.out.println(Integer.MIN_VALUE / -1 + " " + Integer.MIN_VALUE % -1 + " " + Long.MIN_VALUE / -1 + " " + -Integer.MIN_VALUE); long f = 1; for (int k = 1; k < 26; k++) { f *= k; if (k > 18) System.out.print(f + " "); } System.out.println(); System.out.println(50000 * 50000 + " " + 50000L * 50000 + " " + (1 << 31) + " " + (1 << 32) + " " + (1L << 63) + " " + (5 << -1) + " " + (-1 >>> 1) + " " + (-1L >>> 1)); System.out.println(Long.MAX_VALUE + 1.0 + " " + (Long.MAX_VALUE + 1 == Long.MIN_VALUE));
    }
}
