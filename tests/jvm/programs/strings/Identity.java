import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Identity {
    static final String C = "const";
    public static void main(String[] args) {
        System.out.println("a" + "b" == "ab");
        System.out.println(new String("x") == "x");
        System.out.println(new String("x").intern() == "x");
        System.out.println(("a" + args.length) == "a0");
        System.out.println(("a" + args.length).intern() == "a0");
        System.out.println(String.valueOf(1) == String.valueOf(1));
        System.out.println("".concat("q") == "q");
        System.out.println("abc".substring(0) == "abc");
        System.out.println("abc".trim() == "abc");
        System.out.println("abc".toString() == "abc");
        System.out.println("abc".replace('z', 'y') == "abc");
        System.out.println("ABC".toUpperCase() == "ABC");
        System.out.println(C == "const");
        System.out.println((C + 1) == "const1");
        System.out.println("x".repeat(1) == "x");
        System.out.println(Integer.valueOf(100) == Integer.valueOf(100));
        System.out.println(Integer.valueOf(1000) == Integer.valueOf(1000));
        System.out.println(Long.valueOf(-128) == Long.valueOf(-128));
        System.out.println(Character.valueOf('a') == Character.valueOf('a'));
        System.out.println(Boolean.TRUE == Boolean.valueOf(true));
        System.out.println((Object) 5 == (Object) 5);
        System.out.println(new Object() == new Object());
    }
}
