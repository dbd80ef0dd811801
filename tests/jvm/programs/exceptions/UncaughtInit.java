import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class UncaughtInit {
    static class Bad { static int v = Integer.parseInt("x"); }
    public static void main(String[] args) {
        System.out.println(Bad.v);
    }
}
