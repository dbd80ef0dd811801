import java.util.function.*;
public class InnerClasses {
    private int value = 10; private static int shared = 5;
    class Inner { int value = 20; class Deep { int sum() { return value + InnerClasses.this.value + shared; } } int outer() { return InnerClasses.this.value++; } }
    static class Nested { int twice(int x) { return 2 * x + shared; } }
    Runnable counter() { int[] n = {0}; String tag = "count"; return () -> System.out.println(tag + n[0]++ + " " + value); }
    Supplier<Integer> local(int base) { class Adder implements Supplier<Integer> { int extra = 3; public Integer get() { return base + extra + value; } } return new Adder(); }
    { value += 1; System.out.println("instance init"); } static { shared *= 2; System.out.println("static init"); }
    InnerClasses() { System.out.println("constructor " + value); }
    public static void main(String[] args) {
        InnerClasses o = new InnerClasses(); Inner i = o.new Inner(); Inner.Deep d = i.new Deep(); System.out.println(d.sum() + " " + i.outer() + " " + d.sum() + " " + new Nested().twice(4));
        Runnable r = o.counter(); r.run(); r.run(); System.out.println(o.local(100).get());
        Object anon = new Object() { int hits = 0; @Override public String toString() { return "anon" + ++hits; } }; System.out.println(anon + " " + anon); System.out.println(new Object() { int f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); } }.f(15));
        System.out.println(anon.getClass().getName() + " [" + anon.getClass().getSimpleName() + "] " + i.getClass().getName() + " " + Inner.Deep.class.getSimpleName());
    }
}
