import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class DeepRecursion {
    static int max; static int sum(int n) { return n == 0 ? 0 : n + sum(n - 1); } static boolean even(int n) { return n == 0 || odd(n - 1); } static boolean odd(int n) { return n != 0 && even(n - 1); } static void infinite(int d) { max = Math.max(max, d); infinite(d + 1); } static int depth(int[] a, int d) { return d > 1000 ? d : depth(a, d + 1); } @Override public String toString() { return "x" + this; } static class Cell { Cell next; public String toString() { return next == null ? "." : "o" + next; } } static String list(int n) { Cell c = null; for (int i = 0; i < n; i++) { Cell d = new Cell(); d.next = c; c = d; } return c.toString(); }
    public static void main(String[] args) {
        System.out.println(sum(3000) + " " + even(2000) + " " + depth(new int[1], 0)); try { infinite(0); } catch (StackOverflowError e) { System.out.println("overflow " + (e.getMessage() == null) + (max > 500)); } try { new DeepRecursion().toString(); } catch (StackOverflowError e) { System.out.println("toString overflow"); } int ok = 0; for (int i = 0; i < 3; i++) try { infinite(0); } catch (Throwable t) { ok++; } finally { ok += 10; } System.out.println(ok); System.out.println(list(1500).length());
    }
}
