import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class GameOfLife {
    static boolean[][] step(boolean[][] g) { int n = g.length; boolean[][] r = new boolean[n][n]; for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) { int c = 0; for (int a = -1; a <= 1; a++) for (int b = -1; b <= 1; b++) if ((a != 0 || b != 0) && g[(i + a + n) % n][(j + b + n) % n]) c++; r[i][j] = g[i][j] ? c == 2 || c == 3 : c == 3; } return r; }
    public static void main(String[] args) {
        boolean[][] g = new boolean[10][10]; int[][] glider = {{1, 2}, {2, 3}, {3, 1}, {3, 2}, {3, 3}}; for (int[] p : glider) g[p[0]][p[1]] = true;
        for (int i = 0; i < 8; i++) g = step(g); for (boolean[] row : g) { for (boolean b : row) System.out.print(b ? '#' : '.'); System.out.println(); }
    }
}
