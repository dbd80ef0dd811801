public class Initialisation {
    static StringBuilder log = new StringBuilder();
    static int trace(String s, int v) { log.append(s).append(' '); return v; }
    static class P { static int a = trace("P.a", 1); static { trace("P.static", 0); } int f = trace("P.f", 2); { trace("P.block", 0); } P() { trace("P()", 0); hook(); } void hook() { trace("P.hook", 0); } }
    static class C extends P { static final int CONST = 42; static final Integer BOXED = trace("C.BOXED", 7); int g = trace("C.g", 3); C() { super(); trace("C()", 0); } void hook() { trace("C.hook g=" + g, 0); } }
    static class Lazy { static { trace("Lazy", 0); } static int v = 5; } static class Bad { static int v = 1 / Integer.parseInt("0"); }
    interface I { int X = trace("I.X", 1); default void m() {} } static class Impl implements I {}
    public static void main(String[] args) {
        System.out.println(C.CONST); trace("before", 0); new C(); new C(); C[] none = new C[3]; trace("after", Lazy.v); new Impl(); System.out.println(log);
        try { System.out.println(Bad.v); } catch (ExceptionInInitializerError e) { System.out.println("EIIE " + e.getCause()); } try { System.out.println(Bad.v); } catch (NoClassDefFoundError e) { System.out.println(e.getMessage()); }
    }
}
