import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Casts {

    public static void main(String[] args) {
        System.out.println((int) 3.99 + " " + (int) -3.99 + " " + (long) 1e19 + " " + (int) Float.NaN);
        System.out.println((byte) 300 + " " + (short) -40000 + " " + (char) 65.7 + " " + (int) 'z');
        System.out.println((float) 1e40 + " " + (float) 1e-50 + " " + (double) 1.1f + " " + (long) 1.1f);
        System.out.println((byte) 'é' + " " + (short) (char) -1 + " " + (int) (char) (byte) -1);
        System.out.println(1 / 2 + 1 / 2.0 + 1f / 3);
        System.out.println((5 / 2) * 2.0 + " " + 5 / 2 * 2 + " " + 'a' / 2);
        System.out.println((int) Long.MAX_VALUE + " " + (long) Integer.MIN_VALUE * 2 + " " + (float) Long.MAX_VALUE);
        System.out.println(0.1f + 0.2 + " " + (0.1f == 0.1) + " " + (float) 0.1 * 3);
    }
}
