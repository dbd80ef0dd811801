public class LongEdges {
    public static void main(String[] args) {
        long[] values = {0L, 1L, -1L, 63L, 64L, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, 3037000500L, -3037000500L};
        for (long a : values) {
            for (long b : values) {
                System.out.print((a + b) + " " + (a - b) + " " + (a * b) + " " + Long.compare(a, b) + " ");
                if (b != 0) System.out.print(a / b + " " + a % b + " ");
                System.out.println((a << b) + " " + (a >> b) + " " + (a >>> b) + " " + (a & b) + " " + (a | b) + " " + (a ^ b));
            }
            System.out.println((int) a + " " + (float) a + " " + (double) a + " " + -a);
        }
        long hash = 1125899906842597L;
        for (char c : "hash me if you can".toCharArray()) hash = 31 * hash + c;
        System.out.println(hash);
        long[] counters = new long[3];
        counters[1]++; counters[2] += 5; counters[1] <<= 3;
        System.out.println(counters[0] + "," + counters[1] + "," + counters[2]--);
        System.out.println(Long.toHexString(-255L) + " " + Long.toBinaryString(10) + " " + Long.numberOfTrailingZeros(96));
    }
}
