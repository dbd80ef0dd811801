import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class CompoundAssign {

    public static void main(String[] args) {
        int a = 7; a += a++ + ++a; System.out.println(a); a = a-- - --a; System.out.println(a); int[] x = {1, 2, 3}; int i = 0; x[i++] += 10 * i; x[i] *= x[i++] + i; System.out.println(Arrays.toString(x) + i); long l = 5; l <<= 33; l |= 3; l ^= 0xFF; l >>>= 2; System.out.println(l); short s = 10; s *= 1000; s *= 10; System.out.println(s); byte b = 10; b ^= 0xFF; b >>= 1; b <<= 3; System.out.println(b); boolean f = true; f &= false; f |= !f; f ^= true; System.out.println(f); String t = "a"; t += 1 + 2; t += 'c'; t += 1.0f; t += null; System.out.println(t); int y = 5; y = y << y >> 2 >>> 1; System.out.println(y); a = 3; int z = a++ * a-- - --a * a++; System.out.println(z + " " + a); System.out.println(10 - 4 - 3 + " " + 2 * 3 % 4 + " " + (7 & 3 | 4 ^ 1) + " " + (5 > 3 == true));
    }
}
