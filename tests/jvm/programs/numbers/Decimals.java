import java.math.*;
import java.util.*;
public class Decimals { public static void main(String[] a) { Random r = new Random(11);
 for (String s : new String[] {"0", "0.0", "0E+3", "0E-7", "0E-10", "1E+3", "-1.50", "123E-9", "1234E-10", "12345678901234567890.5", "-1E-7", "1E-6", "10E5", "0E+1", "0E+2","-99999999999999999999E+5"}) {
     BigDecimal b = new BigDecimal(s);
     System.out.println(b + " " + b.toEngineeringString() + " " + b.toPlainString() + " " + b.stripTrailingZeros() + " " + b.hashCode());
 }
 for (int i = 0; i < 20; i++) {
     BigDecimal b = new BigDecimal(new BigInteger(r.nextInt(90) + 1, r), r.nextInt(60) - 30);
     System.out.println(b + " " + b.negate().toEngineeringString());
 }
 BigInteger f = BigInteger.ONE;
 for (int i = 1; i < 300; i++) f = f.multiply(BigInteger.valueOf(i));
 System.out.println(f.hashCode() + " " + f.bitLength());
 BigInteger g = f.multiply(f.add(BigInteger.ONE)).negate();
 System.out.println(g.hashCode() + " " + g.multiply(g).mod(BigInteger.valueOf(1000000007)) + " " + g.pow(2).equals(g.multiply(g)) + " " + f.toString().length());
}}
