import java.util.Locale;
public class Formatting {
    static void tryIt(String f, Object... args) { try { System.out.println("[" + String.format(f, args) + "]"); } catch (Exception e) { System.out.println(e.getClass().getName() + ": " + e.getMessage()); } }
    public static void main(String[] args) {
        tryIt("%d %5d %-5d| %05d %+d %,d %(d", 1, 2, 3, 4, 5, 6789012, -7); tryIt("%x %X %o %08x %#x", 255, 255, 8, 255, 255); tryIt("%x %x", -1, -1L);
        tryIt("%f %.0f %.1f %10.2f %-10.2f| %010.3f %+.2f", 1.5, 2.5, 0.05, 3.14159, 2.71828, -1.5, 9.999); tryIt("%e %.2e %E %g %G", 12345.678, 0.00012, 1e10, 0.0001, 123456789.0);
        tryIt("%s %10s %-10s| %.2s %S", "a", "b", "c", "defg", "up"); tryIt("%c %C %c", 'x', 'y', 65); tryIt("%b %B %b", true, false, null); tryIt("%n%%"); tryIt("%2$s %1$s %<s", "a", "b"); tryIt("%h %h", "hello", 42);
        tryIt("%d", "x"); tryIt("%d"); tryIt("%q", 1); tryIt("%s"); tryIt("%.2d", 1); tryIt("%f", 1); tryIt("%5"); tryIt("%-d", 3);
        tryIt("%.3f %.3f %.3f", 0.0005, 1.0005, 2.0015); tryIt("%.2f %.2f %.2f %.1f", 0.125, 0.135, 1.005, 0.25); tryIt("%s %s %s", 1.0f, 1e20, null); tryIt("%,.2f %,.3f", 1234567.891, -9876.54321); tryIt("%f %e", Double.NaN, Double.POSITIVE_INFINITY);
        tryIt("%.15f %.20f", 0.1, 1.0 / 3); tryIt("%f %.1f", 1e15, 123456789012345678.0); tryIt("%s", (Object) new int[0].length); tryIt("%08.2f|%8s|%-8b|", -3.14159, null, true); tryIt("%5c|%-5c|", 'a', 'b'); tryIt("%d%%", 50); tryIt("% d", 42);
        System.out.printf(Locale.US, "%.2f %s%n", 1.5, "us"); System.out.format("%s-%s%n", 1, 2); System.out.println(String.format("|%20s|%-20s|", "right", "left"));
        tryIt("%.2f", 0.005f); tryIt("%.3f %s", 1.1f, 1.1f); tryIt("%6.2e|%12.4E", 9.9999e10, -0.000123456);
    }
}
