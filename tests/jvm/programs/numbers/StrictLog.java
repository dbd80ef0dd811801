import java.util.*;
public class StrictLog { public static void main(String[] a) {
 Random r = new Random(5); long h = 0;
 for (int i = 0; i < 1500; i++) {
     double x = i % 3 == 0 ? r.nextDouble() : i % 3 == 1 ? Double.longBitsToDouble(r.nextLong()) : 1 + r.nextDouble() * 1e-5 * (i % 7 - 3);
     if (x > 0) h = h * 31 + Double.doubleToLongBits(StrictMath.log(x));
     if (i < 12) System.out.println(x + " " + StrictMath.log(x));
 }
 System.out.println(h);
 for (double x : new double[] {0, -0.0, -1, 1, 2, Double.MIN_VALUE, Double.MAX_VALUE, 0.5}) System.out.println(StrictMath.log(x));
 System.out.println(StrictMath.log(Double.NaN)+" "+StrictMath.log(1/0.0));
 for (int i = 0; i < 300; i++) h = h * 31 + Double.doubleToRawLongBits(r.nextGaussian()); System.out.println(h);
 int[] x = {3,1,2};
 Arrays.parallelSort(x);
 System.out.println(Arrays.toString(x));
 String[] s = {"b","a"};
 Arrays.parallelSort(s);
 System.out.println(Arrays.toString(s));
}}
