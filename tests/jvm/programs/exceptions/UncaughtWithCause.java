import java.util.*;

public class UncaughtWithCause {
    static class DomainException extends RuntimeException {
        DomainException(String m, Throwable c) { super(m, c); }
    }
    static int depth(int n) {
        if (n == 0) throw new DomainException("at the bottom:\nsecond line", new NoSuchElementException("why"));
        return 1 + depth(n - 1);
    }
    public static void main(String[] args) {
        System.out.println("before");
        Iterator<Integer> it = List.of(1).iterator();
        it.next();
        try {
            it.next();
        } catch (NoSuchElementException e) {
            System.out.println("end of list " + (e.getMessage() == null));
        }
        try { depth(3); } finally { System.out.println("finally"); System.out.print("unfinished line"); }
    }
}
