import java.io.*;
public class StackTraces {
    static void a(int n) { if (n == 0) throw new UnsupportedOperationException("deep"); a(n - 1); }
    static int depth = 0; static void forever() { depth++; forever(); }
    static int sum(int n) { return n == 0 ? 0 : n + sum(n - 1); }
    public static void main(String[] args) {
        try { a(2); } catch (UnsupportedOperationException e) { StackTraceElement[] st = e.getStackTrace(); System.out.println(st.length + " " + st[0].getMethodName() + " " + st[st.length - 1].getMethodName() + " " + st[0].getClassName() + " " + st[0].getLineNumber()); StringWriter sw = new StringWriter(); e.printStackTrace(new PrintWriter(sw)); System.out.print(sw); }
        try { forever(); } catch (StackOverflowError e) { System.out.println("SOE " + (depth > 1000) + " " + e.getMessage()); }
        System.out.println(sum(5000));
        try { throw new RuntimeException("outer", new IllegalArgumentException("inner")); } catch (RuntimeException e) { StringWriter sw = new StringWriter(); e.printStackTrace(new PrintWriter(sw)); System.out.print(sw); }
    }
}
