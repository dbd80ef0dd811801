public class Matrix {
    static double[][] multiply(double[][] a, double[][] b) {
        double[][] c = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) for (int j = 0; j < b[0].length; j++) { double s = 0; for (int k = 0; k < b.length; k++) s += a[i][k] * b[k][j]; c[i][j] = s; }
        return c;
    }
    static int[][] transpose(int[][] m) { int[][] t = new int[m[0].length][m.length]; for (int i = 0; i < m.length; i++) for (int j = 0; j < m[i].length; j++) t[j][i] = m[i][j]; return t; }
    static double det(double[][] m) {
        int n = m.length; if (n == 1) return m[0][0]; double d = 0;
        for (int c = 0; c < n; c++) { double[][] s = new double[n - 1][n - 1]; for (int i = 1; i < n; i++) for (int j = 0, k = 0; j < n; j++) if (j != c) s[i - 1][k++] = m[i][j]; d += (c % 2 == 0 ? 1 : -1) * m[0][c] * det(s); }
        return d;
    }
    public static void main(String[] args) {
        double[][] a = {{1, 2}, {3, 4}}, b = {{0.5, -1}, {2, 0}}, c = multiply(a, b);
        for (double[] row : c) { for (double v : row) System.out.printf("%8.3f", v); System.out.println(); }
        for (int[] row : transpose(new int[][] {{1, 2, 3}, {4, 5, 6}})) { for (int v : row) System.out.print(v + " "); System.out.println(); }
        System.out.println(det(new double[][] {{2, 0, 1}, {1, 3, 2}, {1, 1, 4}}));
        int n = 4; int[][] spiral = new int[n][n]; int v = 1, top = 0, left = 0, bottom = n - 1, right = n - 1;
        while (top <= bottom && left <= right) { for (int i = left; i <= right; i++) spiral[top][i] = v++; top++; for (int i = top; i <= bottom; i++) spiral[i][right] = v++; right--; if (top <= bottom) { for (int i = right; i >= left; i--) spiral[bottom][i] = v++; bottom--; } if (left <= right) { for (int i = bottom; i >= top; i--) spiral[i][left] = v++; left++; } }
        for (int[] row : spiral) { StringBuilder sb = new StringBuilder(); for (int x : row) sb.append(String.format("%3d", x)); System.out.println(sb); }
    }
}
