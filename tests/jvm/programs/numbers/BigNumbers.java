import java.math.*;
public class BigNumbers {
    static BigInteger factorial(int n) { BigInteger r = BigInteger.ONE; for (int i = 2; i <= n; i++) r = r.multiply(BigInteger.valueOf(i)); return r; }
    public static void main(String[] args) {
        System.out.println(factorial(30));
        BigInteger a = BigInteger.ZERO, b = BigInteger.ONE;
        for (int i = 0; i < 100; i++) { BigInteger t = a.add(b); a = b; b = t; }
        System.out.println(a);
        BigInteger p = new BigInteger("170141183460469231731687303715884105727");
        System.out.println(p.mod(BigInteger.valueOf(97)) + " " + p.pow(2) + " " + p.gcd(BigInteger.valueOf(21)) + " " + p.negate().divide(BigInteger.TEN));
        System.out.println(BigInteger.TWO.modPow(BigInteger.valueOf(100), BigInteger.valueOf(1000007)) + " " + p.bitLength() + " " + p.compareTo(a) + " " + p.signum());
        System.out.println(new BigInteger("ff", 16) + " " + p.toString(16) + " " + BigInteger.valueOf(6).isProbablePrime(10));
        BigDecimal x = new BigDecimal("10.25"), y = new BigDecimal("3");
        System.out.println(x.add(y) + " " + x.subtract(y) + " " + x.multiply(y) + " " + x.divide(y, 5, RoundingMode.HALF_UP));
        System.out.println(x.setScale(1, RoundingMode.HALF_EVEN) + " " + x.negate() + " " + x.compareTo(y) + " " + x.scale() + " " + new BigDecimal("1.10").equals(new BigDecimal("1.1")));
        System.out.println(new BigDecimal("0.1").add(new BigDecimal("0.2")) + " " + BigDecimal.valueOf(2.50).stripTrailingZeros() + " " + new BigDecimal("1E+3").toPlainString());
        try { x.divide(y); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
        System.out.printf("%,d %s %.2f%n", factorial(15), factorial(15), x);
    }
}
