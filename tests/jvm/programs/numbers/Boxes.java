import java.util.*;
public class Boxes {
    static void take(Object o) { System.out.println(o.getClass().getSimpleName() + " " + o); }
    static void over(int x) { System.out.println("int"); }
    static void over(long x) { System.out.println("long"); }
    static void over(Integer x) { System.out.println("Integer"); }
    static void over(Object x) { System.out.println("Object"); }
    public static void main(String[] args) {
        Integer a = 127, b = 127, c = 128, d = 128;
        System.out.println((a == b) + " " + (c == d) + " " + c.equals(d));
        Long l1 = 127L, l2 = 127L; System.out.println(l1 == l2);
        take(1); take(1L); take(1.5f); take('c'); take(true); take((byte) 3); take((short) 4); take(2.0);
        over((short) 1); over(1); over(1L); over(Integer.valueOf(1)); over("s");
        Integer sum = 0; for (int i = 0; i < 10; i++) sum += i; System.out.println(sum);
        System.out.println(Integer.parseInt("-42") + Integer.valueOf("7") + Integer.parseInt("ff", 16) + " " + Integer.toString(255, 2));
        System.out.println(Integer.toHexString(-1) + " " + Integer.toBinaryString(5) + " " + Integer.toOctalString(8) + " " + Integer.bitCount(255));
        System.out.println(Integer.reverse(1) + " " + Integer.highestOneBit(100) + " " + Integer.numberOfLeadingZeros(1) + " " + Integer.rotateLeft(1, 33));
        System.out.println(Integer.compare(3, 5) + " " + Integer.MAX_VALUE + " " + Long.MIN_VALUE + " " + Integer.signum(-9) + " " + Integer.compareUnsigned(-1, 1));
        System.out.println(Boolean.parseBoolean("TRUE") + " " + Boolean.logicalXor(true, false) + " " + Character.getNumericValue('7'));
        try { Integer.parseInt("12x"); } catch (NumberFormatException e) { System.out.println(e.getMessage()); }
        try { Integer.parseInt(""); } catch (NumberFormatException e) { System.out.println(e.getMessage()); }
        try { Long.parseLong("99999999999999999999"); } catch (NumberFormatException e) { System.out.println(e.getMessage()); }
        try { Double.parseDouble("abc"); } catch (NumberFormatException e) { System.out.println(e.getMessage()); }
        try { Integer.parseInt(null); } catch (NumberFormatException e) { System.out.println(e.getMessage()); }
        Integer none = null;
        try { int v = none; } catch (NullPointerException e) { System.out.println("NPE"); }
        System.out.println(new ArrayList<>(List.of(5, 6, 7)).remove(Integer.valueOf(6)));
        System.out.println(Objects.hash(1, "a", 2.5) + " " + Double.hashCode(1.5) + " " + Boolean.hashCode(true) + " " + Long.hashCode(1L << 33) + " " + Character.hashCode('x'));
        System.out.println(Integer.parseUnsignedInt("4294967295") + " " + Integer.toUnsignedString(-1) + " " + Long.toUnsignedString(-1L) + " " + Integer.divideUnsigned(-1, 2));
        System.out.println(Short.MAX_VALUE + Byte.MIN_VALUE + " " + Byte.toUnsignedInt((byte) -1) + " " + Short.parseShort("-5"));
    }
}
