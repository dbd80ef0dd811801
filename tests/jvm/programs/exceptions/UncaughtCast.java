import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class UncaughtCast {

    public static void main(String[] args) {
        Object o = List.of(1); String s = (String) o; System.out.println(s);
    }
}
