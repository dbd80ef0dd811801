import java.util.*;

public class CausesAndSuppressed {
    static class Resource implements AutoCloseable {
        private final String name; private final boolean fails;
        Resource(String name, boolean fails) {
            this.name = name;
            this.fails = fails;
            System.out.println("open " + name);
        }
        @Override public void close() throws Exception {
            System.out.println("close " + name);
            if (fails) throw new IllegalStateException("closing " + name);
        }
    }
    static class Checked extends Exception {
        final int code;
        Checked(String message, int code, Throwable cause) { super(message, cause); this.code = code; }
        @Override public String getMessage() { return super.getMessage() + " (" + code + ")"; }
    }
    static class Quiet extends RuntimeException {
        Quiet() {
            super("quiet", null, false, false);
        }
        @Override public String toString() {
            return "Quiet!";
        }
    }

    static void three(boolean a, boolean b) throws Exception {
        try (Resource x = new Resource("x", a); Resource y = new Resource("y", b); Resource none = null) {
            throw new UnsupportedOperationException("body");
        }
    }
    static int order(StringBuilder log) {
        try { log.append("t"); throw new RuntimeException(); }
        catch (RuntimeException e) { log.append("c"); return log.length(); }
        finally { log.append("f"); }
    }
    static int nested(int n) {
        try { try { return 10 / n; } finally { if (n == 0) n = 5; System.out.print("[inner " + n + "]"); } }
        catch (ArithmeticException e) { return n + 100; }
        finally { System.out.print("[outer]"); }
    }
    static <T extends Throwable> void sneaky(Throwable t) throws T {
        @SuppressWarnings("unchecked") T cast = (T) t;
        throw cast;
    }

    public static void main(String[] args) throws Exception {
        for (boolean a : new boolean[] {false, true}) {
            try { three(a, true); }
            catch (UnsupportedOperationException e) {
                System.out.println(e.getMessage() + " " + Arrays.toString(e.getSuppressed()));
            }
        }
        StringBuilder log = new StringBuilder();
        System.out.println(order(log) + " " + log);
        System.out.println(nested(2));
        System.out.println(nested(0));
        try { try { Integer.parseInt("4x"); } catch (NumberFormatException e) { throw new Checked("outer", 7, e); } }
        catch (Checked e) {
            System.out.println(e + " <- " + e.getCause() + " " + e.code);
            for (Throwable t = e; t != null; t = t.getCause()) System.out.print(t.getClass().getName() + ";");
            System.out.println();
        }
        try {
            throw new Quiet();
        } catch (Quiet q) {
            System.out.println(q + " " + q.getStackTrace().length);
            q.addSuppressed(new Error());
            System.out.println(q.getSuppressed().length);
        }
        try {
            CausesAndSuppressed.<RuntimeException>sneaky(new java.io.IOException("sneaked"));
        } catch (Exception e) {
            System.out.println(e);
        }
        try {
            Throwable t = new Throwable("self");
            t.initCause(t);
        } catch (IllegalArgumentException e) {
            System.out.println(e.getMessage());
        }
        try {
            new Checked("x", 1, null).initCause(new Error("late"));
        } catch (IllegalStateException e) {
            System.out.println(e.getMessage());
        }
        try {
            Object[] objects = new Integer[1];
            objects[0] = "s";
        } catch (ArrayStoreException e) {
            System.out.println(e);
        }
        try { int[] neg = new int[-3]; } catch (NegativeArraySizeException e) { System.out.println(e); }
        try {
            Object o = List.of(1);
            ((Map<?, ?>) o).size();
        } catch (ClassCastException e) {
            System.out.println("cast");
        }
        try { List.of(1, 2).add(3); } catch (UnsupportedOperationException e) { System.out.println(e); }
        try {
            new ArrayList<>(List.of(1, 2)).forEach(x -> { if (x == 2) throw new IllegalArgumentException("in lambda " + x); });
        } catch (IllegalArgumentException e) {
            System.out.println(e);
        }
        try {
            Objects.requireNonNull(null, () -> "lazily " + 1);
        } catch (NullPointerException e) {
            System.out.println(e.getMessage());
        }
        try { Objects.checkIndex(5, 3); } catch (IndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
        try {
            int[][] grid = new int[2][3];
            grid[1][5] = 4;
        } catch (ArrayIndexOutOfBoundsException e) {
            System.out.println(e.getMessage());
        }
        try {
            assert false : "off by default";
            System.out.println("no assertion");
        } catch (AssertionError e) {
            System.out.println("asserted");
        }
        StackTraceElement top = new Exception().getStackTrace()[0];
        System.out.println(top.getMethodName() + " " + top.getClassName() + " " + top.getLineNumber());
    }
}
