public class IntegerEdges {
    static int div(int a, int b) { return a / b; }
    static int rem(int a, int b) { return a % b; }
    public static void main(String[] args) {
        int[] values = {0, 1, -1, 7, -7, 31, 32, 33, Integer.MAX_VALUE, Integer.MIN_VALUE, 46341, -46341};
        for (int a : values) {
            for (int b : values) {
                System.out.print((a + b) + " " + (a - b) + " " + (a * b) + " ");
                if (b != 0) System.out.print(div(a, b) + " " + rem(a, b) + " ");
                System.out.println((a << b) + " " + (a >> b) + " " + (a >>> b) + " " + (a & b) + " " + (a | b) + " " + (a ^ b));
            }
            System.out.println(-a + " " + ~a + " " + (byte) a + " " + (short) a + " " + (int) (char) a + " " + Math.abs(a));
        }
        byte small = 127; small++; System.out.println(small);
        short word = (short) 40000; System.out.println(word);
        char letter = 'a'; letter += 2; System.out.println(letter);
        int compound = 10; compound *= 2.6; System.out.println(compound);
        int x = 5; x = x++ + ++x; System.out.println(x);
    }
}
