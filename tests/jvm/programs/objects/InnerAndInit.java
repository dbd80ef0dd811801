import java.util.*;
import java.util.function.*;

public class InnerAndInit {
    static final StringBuilder LOG = new StringBuilder();
    static int log(String s) { LOG.append(s).append(' '); return s.length(); }
    static int first = log("first"); int field = log("field"); { log("block"); } static { log("static"); }
    InnerAndInit() { this(1); log("ctor"); } InnerAndInit(int n) { super(); log("ctor" + n); }
    static class Parent {
        static {
            log("Parent");
        }
        Parent() {
            log("Parent()");
            hook();
        }
        void hook() {
            log("no");
        }
        static int constant() {
            return 1;
        }
    }
    static class Child extends Parent {
        static final int COMPILE = 5;
        static final Integer BOXED = log("BOXED");
        static {
            log("Child");
        }
        final int x = 7;
        int y = 9;
        String z = "set";
        Child() {
            log("Child()");
        }
        @Override void hook() {
            log("hook" + x + y + z);
        }
    }
    static class Lazy { static { log("Lazy"); } static final String S = "inline"; static Object o = null; }
    interface WithField {
        int F = log("WithField");
        default void m() {
        }
    }
    static class Impl implements WithField {
        static {
            log("Impl");
        }
    }
    interface Silent {
        int G = log("Silent");
    }
    static class Impl2 implements Silent {
    }
    enum Planet {
        A(log("A")), B(log("B"));
        static final Map<Integer, Planet> BY = new HashMap<>();
        static {
            for (Planet p : values()) BY.put(p.ordinal(), p);
            log("Planet");
        }
        Planet(int n) {
        }
    }
    static class Failing { static int v; static { if (true) throw new IllegalStateException("boom"); } }
    class Inner {
        int field = 100;
        class Deep {
            int field = 1000;
            int sum() {
                return field + Inner.this.field + InnerAndInit.this.field;
            }
        }
    }
    Supplier<Integer> counter(int start) {
        int[] box = {start
    };
    class Local implements Supplier<Integer> {
        int calls;
        public Integer get() {
            calls++;
            return box[0]++ * 10 + calls + field;
        }
    }
    return new Local();
    }
    static Runnable[] capture() {
        Runnable[] all = new Runnable[3];
        for (int i = 0; i < 3; i++) {
            final int j = i;
            all[i] = new Runnable() {
                int seen = j * j;
                public void run() {
                    log("r" + j + seen + this.getClass().getSimpleName().length());
                }
            };
        }
        return all;
    }
    static abstract class Template {
        final String run() {
            return before() + work() + new Object() {
                String after() {
                    return Template.this.name() + "!";
                }
            }.after();
        }
        String before() {
            return "<";
        }
        abstract String work();
        String name() {
            return "T";
        }
    }
    static String varargs(Object... all) {
        return all == null ? "null" : all.length + Arrays.toString(all);
    }
    static String over(long l) {
        return "long";
    }
    static String over(Integer i) {
        return "Integer";
    }
    static String over(Object o) {
        return "Object";
    }
    static String over(int... i) {
        return "int...";
    }

    public static void main(String[] args) {
        new InnerAndInit(); System.out.println(LOG); LOG.setLength(0);
        System.out.println(Child.COMPILE + Lazy.S + LOG.length());
        Child[] array = new Child[1];
        System.out.println(LOG.length() + " " + Child.constant() + " " + LOG);
        LOG.setLength(0);
        new Child();
        System.out.println(LOG);
        LOG.setLength(0);
        new Impl();
        new Impl2();
        System.out.println(LOG);
        LOG.setLength(0);
        System.out.println(Planet.BY.get(1) + " " + LOG);
        LOG.setLength(0);
        System.out.println(Lazy.o + " " + LOG);
        LOG.setLength(0);
        for (int i = 0; i < 2; i++) {
            try {
                System.out.println(Failing.v);
            } catch (ExceptionInInitializerError e) {
                System.out.println("init " + e.getCause().getMessage());
            } catch (NoClassDefFoundError e) {
                System.out.println(e.getMessage());
            }
        }
        InnerAndInit outer = new InnerAndInit(2);
        InnerAndInit.Inner inner = outer.new Inner();
        System.out.println(inner.new Deep().sum());
        Supplier<Integer> c = outer.counter(4);
        System.out.println(c.get() + " " + c.get() + " " + outer.counter(1).get());
        LOG.setLength(0);
        for (Runnable r : capture()) r.run();
        System.out.println(LOG);
        System.out.println(new Template() { String work() { return "w"; } @Override String name() { return super.name() + "2"; } }.run());
        System.out.println(varargs() + varargs((Object[]) null) + varargs((Object) null) + varargs(1, 'c') + varargs(new int[0].length) + varargs((Object[]) new String[] {"s"}));
        byte b = 1;
        char ch = 'c';
        System.out.println(over(b) + over(ch) + over(1) + over((Integer) 1) + over(1f) + over() + over(1, 2));
        BiFunction<Integer, Integer, Integer> add = Integer::sum;
        Function<Integer, Function<Integer, Integer>> f = x -> y -> add.andThen(v -> v * 2).apply(x, y);
        System.out.println(f.apply(3).apply(4));
        Supplier<Supplier<String>> nested = () -> () -> "deep";
        System.out.println(nested.get().get());
        Function<Integer, int[]> maker = int[]::new;
        System.out.println(maker.apply(3).length);
        UnaryOperator<String> up = String::toUpperCase;
        System.out.println(up.compose((Object o) -> o + "?").apply(5));
        Predicate<String> empty = String::isEmpty;
        System.out.println(empty.negate().or(s -> s == null).test(""));
        Comparator<String> cmp = Comparator.nullsFirst(Comparator.comparing(String::length));
        List<String> l = new ArrayList<>(Arrays.asList("ccc", null, "a"));
        l.sort(cmp);
        System.out.println(l);
        Callback cb = InnerAndInit::new;
        System.out.println(cb.make(9).field);
    }
    interface Callback { InnerAndInit make(int n); }
}
