import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class FloatLoops {

    public static void main(String[] args) {
        float a = 0; for (float f = 0; f < 1; f += 0.1f) a += f * f; System.out.println(a); double d = 0; int n = 0; while (d != 1.0 && n < 20) { d += 0.1; n++; } System.out.println(d + " " + n); for (float f = 16777210f; f < 16777220f; f++) { System.out.print(f + " "); if (f == 16777216f) break; } System.out.println(); int i = 0; i += 3.7; i -= 0.5; System.out.println(i); long l = 10; l *= 1.5f; l /= 4; System.out.println(l); char c = 'a'; c *= 1.5; System.out.println((int) c);
    }
}
