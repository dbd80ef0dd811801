import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class UncaughtNull {

    public static void main(String[] args) {
        String s = args.length == 0 ? null : "x"; System.out.println(s.length());
    }
}
