import java.util.Arrays;
public class ArrayBasics {
    static int[] make(int... xs) { return xs; }
    public static void main(String[] args) {
        int[] a = {5, 3, 9, 1}; int[] b = a.clone(); b[0] = 50;
        System.out.println(a[0] + " " + b[0] + " " + a.length + " " + Arrays.toString(a));
        Arrays.sort(a); System.out.println(Arrays.toString(a) + " " + Arrays.binarySearch(a, 5));
        int[][] grid = new int[3][4]; grid[1][2] = 7; System.out.println(Arrays.deepToString(grid));
        long[][][] cube = new long[2][3][]; System.out.println(cube[1].length + " " + cube[1][2]);
        String[] names = new String[2]; System.out.println(names[0]); names[1] = "x"; System.out.println(Arrays.asList(names));
        char[] cs = {'j', 'a', 'v', 'a'}; System.out.println(cs); System.out.println(String.valueOf(cs) + cs.length);
        boolean[] flags = new boolean[3]; flags[1] = !flags[0]; System.out.println(Arrays.toString(flags));
        byte[] bytes = {1, (byte) 200}; bytes[1] += 100; System.out.println(bytes[1]);
        System.out.println(make().length + make(1, 2).length);
        try { a[4] = 1; } catch (ArrayIndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
        try { System.out.println(a[-1]); } catch (ArrayIndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
        try { int[] bad = new int[-2]; } catch (NegativeArraySizeException e) { System.out.println(e.getMessage()); }
        try { Object[] os = new String[1]; os[0] = 1; } catch (ArrayStoreException e) { System.out.println(e.getMessage()); }
        try { Object o = new int[0]; String[] s = (String[]) o; } catch (ClassCastException e) { System.out.println(e.getMessage()); }
        Integer[] boxed = {3, 1, 2}; Arrays.sort(boxed, (p, q) -> q - p); System.out.println(Arrays.toString(boxed));
        int[] filled = new int[5]; Arrays.fill(filled, 7); System.out.println(Arrays.stream(filled).sum() + " " + Arrays.equals(filled, new int[] {7, 7, 7, 7, 7}) + " " + Arrays.hashCode(filled));
        int[] copy = Arrays.copyOf(a, 6), part = Arrays.copyOfRange(a, 1, 3); System.out.println(Arrays.toString(copy) + Arrays.toString(part));
        System.arraycopy(a, 0, a, 1, 3); System.out.println(Arrays.toString(a));
        double[] ds = new double[2]; ds[1] += 1.5; ds[1]++; System.out.println(ds[0] + " " + ds[1]);
        System.out.println(new int[0].getClass().getName() + " " + new String[0][0].getClass().getSimpleName() + " " + int[].class);
        float[] fs = {1.1f}; fs[0] *= 3; System.out.println(fs[0]); short[] ss = {1}; ss[0]--; ss[0]--; System.out.println(ss[0]);
    }
}
