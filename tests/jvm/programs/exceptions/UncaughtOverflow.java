import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class UncaughtOverflow {
    static int go(int n) { return go(n + 1) + 1; }
    public static void main(String[] args) {
        go(0);
    }
}
