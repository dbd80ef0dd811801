public class TryFinally {
    static int f(int n) { try { if (n == 0) return 1; if (n == 1) throw new RuntimeException("one"); return 10 / (n - 2); } catch (ArithmeticException e) { return -1; } finally { System.out.print("[f" + n + "]"); } }
    @SuppressWarnings("finally") static int override() { try { return 1; } finally { return 2; } }
    static int unchanged() { int x = 1; try { return x; } finally { x = 5; } }
    static String loop() { StringBuilder sb = new StringBuilder(); for (int i = 0; i < 5; i++) { try { if (i == 1) continue; if (i == 3) break; sb.append(i); } finally { sb.append('f'); } } return sb.toString(); }
    static void nested() { try { try { throw new IllegalStateException("inner"); } finally { System.out.print("f1 "); } } catch (IllegalStateException e) { System.out.print("caught " + e.getMessage() + " "); try { throw new Error("again"); } catch (Error x) { System.out.print(x.getMessage() + " "); } finally { System.out.print("f2 "); } } finally { System.out.println("f3"); } }
    public static void main(String[] args) {
        for (int i = 0; i < 5; i++) { try { System.out.println(f(i)); } catch (RuntimeException e) { System.out.println(e.getMessage()); } } System.out.println(override() + " " + unchanged() + " " + loop()); nested();
        try { try { throw new RuntimeException("lost"); } finally { Object o = null; o.toString(); } } catch (NullPointerException e) { System.out.println("npe wins"); }
        try { throw new Exception("checked", new RuntimeException("cause")); } catch (Exception e) { System.out.println(e + " <- " + e.getCause() + " " + e.getCause().getMessage()); }
        try { Integer.parseInt("x"); } catch (NumberFormatException | NullPointerException e) { System.out.println(e.getClass().getSimpleName()); }
    }
}
