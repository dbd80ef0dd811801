public class CharsAndShifts {
    static byte b = (byte) 200; static short s = (short) 70000; static char c = (char) -1;
    public static void main(String[] args) {
        char x = 'a';
        x += 1.9;
        x++;
        System.out.println(x + " " + (x + 1) + " " + (char) (x + 1) + " " + x-- + " " + --x);
        System.out.println((int) c + " " + b + " " + s + " " + (byte) c + " " + (short) c + " " + (c >> 4) + " " + (c << 4));
        b >>>= 1;
        System.out.println(b);
        b = -128;
        b--;
        System.out.println(b);
        s *= s;
        System.out.println(s);
        b ^= 0xF0;
        System.out.println(b);
        System.out.println((1 << 33) + " " + (1L << 33) + " " + (1L << 65) + " " + (-1 >>> 28) + " " + (-1L >>> 60) + " " + (-17 >> 2) + " " + (-17 >>> 30) + " " + (5 << -1));
        long l = Long.MIN_VALUE;
        System.out.println((l >> 63) + " " + (l >>> 63) + " " + -l + " " + Math.abs(l) + " " + l / -1 + " " + l % -1 + " " + (l - 1));
        int i = 1;
        i <<= 31L;
        System.out.println(i);
        i >>= 33;
        System.out.println(i);
        i += 0.7;
        System.out.println(i);
        i -= 3e10;
        System.out.println(i);
        System.out.println(Math.floorMod(-7, 3) + " " + -7 % 3 + " " + Math.floorDiv(-7, 2) + " " + -7 / 2 + " " + Math.floorMod(7, -3) + " " + Math.floorMod(-7L, 5) + " " + 5.5 % -2 + " " + -5.5 % 2);
        try { Math.floorMod(1, 0); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        try {
            Math.multiplyExact(1 << 20, 1 << 12);
        } catch (ArithmeticException e) {
            System.out.println(e.getMessage());
        }
        try { Math.toIntExact(1L << 40); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        System.out.println((int) 1e20 + " " + (long) -1e30 + " " + (int) Double.NaN + " " + (char) 65.9 + " " + (byte) 300.7 + " " + (short) -1e10f + " " + (int) 'x' / 7);
        System.out.println(Integer.MAX_VALUE + 1 + " " + (Integer.MIN_VALUE == -Integer.MIN_VALUE) + " " + (0.1 + 0.2) + " " + (0.1f + 0.2f) + " " + 1 / 3f + " " + 100.0 / 3);
        System.out.println((0.0 == -0.0) + " " + Double.valueOf(0.0).equals(-0.0) + " " + (Double.NaN == Double.NaN) + " " + Double.compare(0.0, -0.0) + " " + 1 / -0.0 + " " + Math.min(-0.0, 0.0) + " " + Math.round(-2.5) + " " + Math.round(2.5) + " " + Math.rint(2.5));
        System.out.println(Integer.bitCount(0xFF00FF) + " " + Integer.reverse(1) + " " + Integer.highestOneBit(1000) + " " + Long.numberOfTrailingZeros(1L << 50) + " " + Integer.rotateLeft(0x80000001, 4) + " " + Integer.numberOfLeadingZeros(1));
        System.out.println(Character.getNumericValue('z') + " " + Character.isLetter('ß') + " " + Character.toUpperCase('ÿ') + " " + Character.isJavaIdentifierStart('$') + " " + Character.toChars(0x1F600).length + " " + Character.digit('f', 16) + " " + (char) Character.toLowerCase((int) 'Q') + " " + Character.isWhitespace('\u00a0'));
        Integer p = 127, q = 127, r = 128, t = 128;
        System.out.println((p == q) + " " + (r == t) + " " + r.equals(t) + " " + new Object[] {1L}[0].equals(1));
        Long big = 127L, other = 127L;
        System.out.println(big == other);
        Character ca = 'a', cb = 'a';
        System.out.println(ca == cb);
        System.out.println(true ? 1 : 2.0);
        System.out.println((Object) (true ? 1 : 'a'));
        char z = 'b';
        int zero = 0;
        System.out.println(false ? zero : z);
        System.out.println(true ? null : 0);
        System.out.println(Integer.compareUnsigned(-1, 1) + " " + Integer.divideUnsigned(-1, 2) + " " + Long.remainderUnsigned(-1L, 10) + " " + Integer.parseUnsignedInt("4294967295") + " " + Float.floatToIntBits(1.5f) + " " + Double.doubleToLongBits(-2.0) + " " + Float.intBitsToFloat(0x7f800001));
        System.out.println(07 + 0b1010 + 0x1_F + 1_000 + " " + 'a' + 1 + " " + (char) ('a' + 1) + 1.0f + 'c' + null + true);
        final int k = 10;
        byte small = k;
        small += k * 30;
        System.out.println(small);
        int m = 'A' * 2;
        m |= 1L << 40;
        System.out.println(m);
        double dd = 1;
        dd /= 0;
        System.out.println(dd);
        System.out.println(0x1p-3 + " " + Double.MIN_VALUE + " " + Float.MAX_VALUE + " " + 1e7 + " " + 1e-3 + " " + 123456789.0f + " " + 1e21);
    }
}
