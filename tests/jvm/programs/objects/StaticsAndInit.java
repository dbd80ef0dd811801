import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class StaticsAndInit {
    static Function<Integer, Integer> fact; static { fact = n -> n < 2 ? 1 : n * StaticsAndInit.fact.apply(n - 1); } int a = 1, b; final int c; { b = a + 10; a = 99; } StaticsAndInit(int c) { this.c = c + b; b *= 2; } static class A { static StringBuilder log = new StringBuilder(); static int x = init("x", 5), count; static int init(String n, int v) { log.append(n); return v; } } static class B extends A { static int y = init("y", x * 2); int z = init("z", count++); B() { this(1); init("()", 0); } B(int q) { init("(q)", z); } } interface Const { double PI2 = Math.PI * 2; String NAME = "c" + 1; } static class Inner { static { System.out.println("Inner loaded"); } static void touch() {} } static class Outer { static int n; static { for (int i = 0; i < 5; i++) n += i; } }
    public static void main(String[] args) {
        System.out.println(A.x + " " + B.y + " " + A.log); System.out.println(new B().z + "" + B.log + A.count); System.out.println(Const.PI2 + Const.NAME); Inner.touch(); System.out.println(Outer.n); { int local = 5; System.out.println(local); } int local = 6; System.out.println(local); StaticsAndInit s = new StaticsAndInit(3); System.out.println(s.a + " " + s.b + " " + s.c); final int late; if (args.length == 0) late = 1; else late = 2; System.out.println(late); System.out.println(fact.apply(5));
    }
}
