public class FloatEdges {
    public static void main(String[] args) {
        float[] values = {0f, -0f, 1f, 0.1f, 1f / 3, 16777217f, 1e38f, -1e38f, Float.MIN_VALUE, Float.MAX_VALUE, Float.NaN, Float.POSITIVE_INFINITY};
        for (float a : values) {
            for (float b : values) System.out.print((a + b) + " " + (a - b) + " " + (a * b) + " " + (a / b) + " " + (a % b) + " " + (a < b) + (a >= b) + (a == b) + "; ");
            System.out.println();
            System.out.println((int) a + " " + (long) a + " " + (double) a + " " + Float.floatToIntBits(a) + " " + Float.compare(a, 0f));
        }
        float sum = 0;
        for (int i = 0; i < 1000; i++) sum += 0.1f;
        System.out.println(sum);
        float f = 1.1f; f *= 2; f++; System.out.println(f);
        System.out.println((float) 123456789 + " " + (float) 123456789012345L + " " + (float) 0.1 + " " + 3.4e38f * 10);
        System.out.println(Float.parseFloat("1.17549435E-38") + " " + Float.toString(1e10f) + " " + Float.valueOf("2.5"));
    }
}
