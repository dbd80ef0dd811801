import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Dates {
    static String weekday(int y, int m, int d) { int[] t = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4}; if (m < 3) y--; return new String[] {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}[(y + y / 4 - y / 100 + y / 400 + t[m - 1] + d) % 7]; }
    public static void main(String[] args) {
        int[] months = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}; for (int y : new int[] {1900, 2000, 2023, 2024}) System.out.print((y % 4 == 0 && y % 100 != 0 || y % 400 == 0) + " "); System.out.println(weekday(2024, 2, 29) + weekday(1970, 1, 1) + weekday(2000, 1, 1)); int total = 0; for (int m : months) total += m; System.out.println(total); int start = 4; System.out.println("Mo Tu We Th Fr Sa Su"); StringBuilder sb = new StringBuilder("   ".repeat(start)); for (int d = 1; d <= 30; d++) { sb.append(String.format("%2d", d)).append((d + start) % 7 == 0 ? "\n" : " "); } System.out.println(sb); int secs = 98765; System.out.println(String.format("%02d:%02d:%02d", secs / 3600, secs / 60 % 60, secs % 60)); System.out.printf("%.1f %.2f %,.3f%n", 98.65, 1e-3, 123456.7891);
    }
}
