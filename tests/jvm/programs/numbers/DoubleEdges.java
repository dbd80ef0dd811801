public class DoubleEdges {
    public static void main(String[] args) {
        double[] values = {0.0, -0.0, 1.0, 0.1, 1.0 / 3, 2e23, 1e308, -1e308, Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN, Double.NEGATIVE_INFINITY, 123456789.125, 1e7, 9999999.999, 1e-3, 0.00099};
        for (double a : values) {
            for (double b : values) System.out.print((a + b) + " " + (a * b) + " " + (a / b) + " " + (a % b) + " " + (a < b) + (a > b) + (a != b) + "; ");
            System.out.println();
            System.out.println((int) a + " " + (long) a + " " + (float) a + " " + Double.doubleToLongBits(a) + " " + (char) a + (byte) a);
            System.out.println(Math.floor(a) + " " + Math.ceil(a) + " " + Math.round(a) + " " + Math.rint(a) + " " + Math.sqrt(a) + " " + Math.abs(a) + " " + Math.signum(a));
        }
        System.out.println(0.1 + 0.2);
        System.out.println(Math.max(-0.0, 0.0) + " " + Math.min(-0.0, 0.0) + " " + (0.0 == -0.0) + " " + Double.valueOf(0.0).equals(-0.0));
        System.out.println(Double.compare(Double.NaN, 1) + " " + Double.isNaN(0.0 / 0) + " " + Double.isInfinite(1 / 0.0));
        System.out.println(Double.parseDouble("  1e3 ") + " " + Double.valueOf("-.5") + " " + Double.toString(100));
        System.out.println(Math.ulp(1.0) + " " + Math.nextUp(1.0) + " " + Math.fma(2.0, 3.0, 1.0) + " " + Math.hypot(3, 4) + " " + Math.cbrt(27));
    }
}
