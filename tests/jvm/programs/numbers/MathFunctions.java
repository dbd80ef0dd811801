public class MathFunctions {
    public static void main(String[] args) {
        System.out.println(Math.pow(2, 10) + " " + Math.pow(2, 0.5) + " " + Math.pow(0, 0) + " " + Math.pow(-8, 1.0 / 3));
        System.out.println(Math.floorDiv(-7, 2) + " " + Math.floorMod(-7, 2) + " " + (-7 / 2) + " " + (-7 % 2));
        System.out.println(Math.max(3, 9) + " " + Math.min(3L, 9L) + " " + Math.max(2.5f, 1f));
        System.out.printf("%.6f %.6f %.6f %.6f%n", Math.sin(1), Math.cos(1), Math.tan(1), Math.atan2(1, 2));
        System.out.printf("%.6f %.6f %.6f%n", Math.exp(1), Math.log(10), Math.log10(1000));
        System.out.println(Math.toDegrees(Math.PI) + " " + Math.toRadians(180));
        try { Math.addExact(Integer.MAX_VALUE, 1); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        try { Math.multiplyExact(Long.MAX_VALUE, 2L); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        try { Math.toIntExact(1L << 40); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        System.out.println(Math.abs(Integer.MIN_VALUE) + " " + Math.abs(-2.5) + " " + Math.negateExact(5));
        System.out.println(Math.round(2.5) + " " + Math.round(-2.5) + " " + Math.round(2.4f) + " " + Math.rint(2.5));
    }
}
