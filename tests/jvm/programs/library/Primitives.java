import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Primitives {

    public static void main(String[] args) {
        System.out.println(Integer.MAX_VALUE + Integer.MIN_VALUE + Byte.MAX_VALUE + Short.MIN_VALUE + " " + Float.MAX_VALUE + Double.MIN_VALUE + Float.MIN_NORMAL + (int) Character.MAX_VALUE);
        System.out.println(Integer.sum(1, 2) + Integer.max(3, 4) + Long.min(5, 6) + Double.sum(1, 2) + Float.max(1f, 2f));
        System.out.println(Integer.valueOf(5).equals(5) + " " + Integer.valueOf(5).equals(5L) + Long.valueOf(5).hashCode() + Double.valueOf(2.5).intValue() + Integer.valueOf(65).byteValue());
        System.out.println(Character.isLetter('x') + "" + Character.isWhitespace('\t') + Character.toUpperCase('q') + Character.getNumericValue('8') + (char) Character.toLowerCase((int) 'Q'));
        System.out.println(Boolean.parseBoolean("yes") + "" + Boolean.valueOf("true") + Boolean.logicalAnd(true, false) + Boolean.compare(true, false) + Boolean.toString(false));
        System.out.println(Double.compare(0.0, -0.0) + " " + Double.MIN_VALUE / 2 + Double.isFinite(1e308 * 10) + Float.isNaN(0f / 0) + Double.valueOf("1e-5") + Float.parseFloat("1e39"));
        System.out.println(Integer.toString(7).length() + Long.toString(-9L) + Double.toString(1e100) + Float.toString(1e-10f) + Short.toString((short) 3) + Byte.parseByte("-7"));
        System.out.println(Integer.compare(1, 2) + Character.compare('b', 'a') + Long.signum(-5L) + Integer.signum(0) + Byte.compare((byte) 1, (byte) 3));
        System.out.println(Long.remainderUnsigned(-1L, 10) + " " + Long.divideUnsigned(-1L, 10) + " " + Integer.toUnsignedLong(-1) + " " + Long.compareUnsigned(1, -1) + Long.parseUnsignedLong("18446744073709551615"));
        System.out.println(Long.highestOneBit(1000L) + Long.numberOfLeadingZeros(1L) + Long.numberOfTrailingZeros(0L) + Integer.numberOfTrailingZeros(0) + Long.reverseBytes(1L));
        System.out.println(Math.floorMod(-7L, 3) + Math.abs(-5.5f) + Math.max(1L, 2) + Math.multiplyHigh(1L << 62, 8) + Math.floorDiv(-1, 3) + Math.incrementExact(4) + Math.absExact(-3));
    }
}
