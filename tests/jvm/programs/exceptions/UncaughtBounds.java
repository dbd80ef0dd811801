import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class UncaughtBounds {

    public static void main(String[] args) {
        int[] a = new int[3]; for (int i = 0; i <= 3; i++) { a[i] = i; System.out.println(a[i]); }
    }
}
