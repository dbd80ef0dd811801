public class BitTricks {
    static boolean powerOfTwo(int n) { return n > 0 && (n & (n - 1)) == 0; }
    static int popcount(int n) { int c = 0; while (n != 0) { n &= n - 1; c++; } return c; }
    static int reverse(int n) { int r = 0; for (int i = 0; i < 32; i++) { r = (r << 1) | (n & 1); n >>>= 1; } return r; }
    static int crc(byte[] data) {
        int crc = 0xFFFFFFFF;
        for (byte b : data) { crc ^= b & 0xFF; for (int k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xEDB88320 & -(crc & 1)); }
        return ~crc;
    }
    static long xorshift(long s) { s ^= s << 13; s ^= s >>> 7; s ^= s << 17; return s; }
    public static void main(String[] args) {
        for (int i = -3; i < 20; i++) System.out.print(powerOfTwo(i) + ":" + popcount(i) + " ");
        System.out.println();
        System.out.println(reverse(1) + " " + reverse(0x12345678) + " " + Integer.toHexString(crc("123456789".getBytes())));
        long s = 88172645463325252L;
        for (int i = 0; i < 5; i++) { s = xorshift(s); System.out.println(s); }
        int a = 5, b = 9; a ^= b; b ^= a; a ^= b; System.out.println(a + " " + b);
        int h = 0; for (int i = 0; i < 50; i++) { h = 31 * h + i * i; h ^= h >>> 16; h *= 0x85ebca6b; } System.out.println(h);
        int flags = 0; flags |= 1 << 3; flags |= 1 << 31; flags &= ~(1 << 3); System.out.println(flags + " " + ((flags >> 31) & 1));
        System.out.println((5 & 6 | 1 ^ 12) + " " + (-17 >> 2) + " " + (-17 >>> 28) + " " + (1L << 35 >>> 3));
    }
}
