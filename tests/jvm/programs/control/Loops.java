public class Loops {
    public static void main(String[] args) {
        int n = 0;
        outer:
        for (int i = 0; i < 10; i++) {
            for (int j = 0; j < 10; j++) {
                if (j == 5) continue outer;
                if (i == 4) break outer;
                if ((i + j) % 2 == 0 && i > 1 || j == 3) continue;
                n += i * j;
            }
        }
        System.out.println(n);
        int k = 10; do { k -= 3; } while (k > 0); System.out.println(k);
        int w = 0; while (true) { if (++w > 7) break; if (w % 2 == 0) continue; System.out.print(w + " "); } System.out.println();
        for (int i = 0, j = 10; i < j; i++, j--) System.out.print(i + "-" + j + " ");
        System.out.println();
        block: { if (n > 3) break block; System.out.println("not here"); }
        int collatz = 27, steps = 0; while (collatz != 1) { collatz = collatz % 2 == 0 ? collatz / 2 : 3 * collatz + 1; steps++; } System.out.println(steps);
        for (char c = 'a'; c <= 'e'; c++) System.out.print(c); System.out.println();
        for (double d = 0; d < 1; d += 0.25) System.out.print(d + " "); System.out.println();
        for (;;) { break; }
        int[][] triangle = new int[6][]; for (int i = 0; i < 6; i++) { triangle[i] = new int[i + 1]; triangle[i][0] = triangle[i][i] = 1; for (int j = 1; j < i; j++) triangle[i][j] = triangle[i - 1][j - 1] + triangle[i - 1][j]; }
        for (int[] row : triangle) { for (int v : row) System.out.print(v + " "); System.out.println(); }
    }
}
