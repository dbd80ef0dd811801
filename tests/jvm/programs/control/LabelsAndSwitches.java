import java.util.*;

public class LabelsAndSwitches {
    enum Op {
        ADD, SUB, MUL, DIV {
            @Override int apply(int a, int b) {
                if (b == 0) throw new ArithmeticException("no " + this);
                return a / b;
            }
        };
        int apply(int a, int b) {
            return switch (this) {
                case ADD -> a + b;
                case SUB -> a - b;
                case MUL -> a * b;
                default -> throw new AssertionError(this);
            };
        }
    }

    static int days(int month, boolean leap) {
        return switch (month) {
            case 4, 6, 9, 11 -> 30;
            case 2 -> { int d = 28; if (leap) d++; yield d; }
            case 1, 3, 5, 7, 8, 10, 12 -> 31;
            default -> throw new IllegalArgumentException("month " + month);
        };
    }

    static String kind(String s) {
        switch (s) {
            case "Aa": case "BB": return "collides";
            case "": return "empty";
            case "fall": s += "en";
            case "through": s += "!"; break;
            default: s = null;
        }
        return s;
    }

    static String old(char c) {
        return switch (c) {
            case 'a': case 'e': yield "vowel";
            case '\n': yield "line";
            default: {
                String t = "other " + (char) (c + 1);
                yield t;
            }
        };
    }

    static int collatz(long n) {
        int steps = 0;
        for (; n != 1; steps++) n = (n & 1) == 0 ? n >> 1 : 3 * n + 1;
        return steps;
    }

    public static void main(String[] args) {
        outer:
        for (int i = 0; ; i++) {
            inner:
            for (int j = 0; j < 5; j++) {
                if (j == i) continue outer;
                if (i == 4) break outer;
                if ((i + j) % 3 == 0) continue inner;
                do { if (j == 2) break inner; System.out.print(i + "" + j + " "); } while (false);
            }
        }
        System.out.println();
        found: {
            for (int x = 2; x < 50; x++) for (int y = x; y < 50; y++) if (x * x + y * y == 41 * 41) {
                System.out.println(x + "," + y);
                break found;
            }
            System.out.println("none");
        }
        for (int m : new int[] {1, 2, 4, 12}) System.out.print(days(m, m == 2) + " ");
        try { days(13, false); } catch (IllegalArgumentException e) { System.out.println(e.getMessage()); }
        for (String s : List.of("Aa", "BB", "", "fall", "through", "C#")) System.out.print(kind(s) + " ");
        System.out.println(old('e') + " " + old('y') + " " + old('\n'));
        for (Op op : Op.values()) {
            try { System.out.print(op + "=" + op.apply(7, op.ordinal() == 3 ? 0 : 2) + " "); }
            catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        }
        System.out.println(Op.valueOf("DIV").getDeclaringClass().getSimpleName() + " " + Op.DIV.getClass().equals(Op.class) + " " + Op.ADD.compareTo(Op.MUL));
        try { Op.valueOf("MOD"); } catch (IllegalArgumentException e) { System.out.println(e.getMessage()); }
        EnumMap<Op, Integer> counts = new EnumMap<>(Op.class);
        for (Op op : List.of(Op.SUB, Op.ADD, Op.SUB)) counts.merge(op, 1, Integer::sum);
        System.out.println(counts + " " + EnumSet.complementOf(EnumSet.of(Op.ADD)) + " " + EnumSet.range(Op.SUB, Op.DIV));
        int i = 5;
        i = i++ + ++i * i-- - --i;
        System.out.println(i);
        int[] a = {0, 0, 0};
        int k = 0;
        a[k++] = a[k] = k + 10;
        a[k] += k = 2;
        System.out.println(Arrays.toString(a) + k);
        System.out.println(collatz(27) + " " + collatz(837799));
        Object o = null;
        try {
            switch ((String) o) {
                case "x": break;
            }
        } catch (NullPointerException e) {
            System.out.println("null switch");
        }
        var total = 0L;
        for (var row : new int[][] {{1}, {2, 3}, {}}) for (var cell : row) total += cell << total;
        System.out.println(total);
    }
}
