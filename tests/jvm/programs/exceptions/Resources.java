public class Resources {
    static class Res implements AutoCloseable { final String n; final boolean bad; Res(String n, boolean bad) { this.n = n; this.bad = bad; System.out.println("open " + n); } public void close() { System.out.println("close " + n); if (bad) throw new IllegalStateException("close " + n); } }
    static class AppException extends Exception { final int code; AppException(String m, int code, Throwable cause) { super(m, cause); this.code = code; } @Override public String getMessage() { return super.getMessage() + " (" + code + ")"; } }
    public static void main(String[] args) {
        try (Res a = new Res("a", false); Res b = new Res("b", true)) { System.out.println("body"); throw new RuntimeException("body failed"); } catch (RuntimeException e) { System.out.println(e.getMessage() + " suppressed " + e.getSuppressed().length + " " + e.getSuppressed()[0].getMessage()); } finally { System.out.println("finally"); }
        try (Res c = new Res("c", true)) { System.out.println("ok"); } catch (IllegalStateException e) { System.out.println("from close: " + e.getMessage()); }
        try (Res n = null) { System.out.println("null resource"); }
        try { try { throw new java.io.IOException("io"); } catch (java.io.IOException e) { throw new AppException("wrapped", 7, e); } } catch (AppException e) { System.out.println(e.getMessage() + " " + e.code + " " + e.getCause() + " " + e); }
        Throwable t = new Throwable("t"); t.addSuppressed(new Exception("s1")); t.initCause(new Error("c")); System.out.println(t.getSuppressed()[0] + " " + t.getCause() + " " + t.getLocalizedMessage());
    }
}
