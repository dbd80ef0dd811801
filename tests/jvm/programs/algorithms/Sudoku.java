import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Sudoku {
    static int steps;
    static boolean ok(int[][] g, int r, int c, int v) { for (int i = 0; i < 9; i++) if (g[r][i] == v || g[i][c] == v || g[r / 3 * 3 + i / 3][c / 3 * 3 + i % 3] == v) return false; return true; }
    static boolean solve(int[][] g) { for (int r = 0; r < 9; r++) for (int c = 0; c < 9; c++) if (g[r][c] == 0) { for (int v = 1; v <= 9; v++) if (ok(g, r, c, v)) { g[r][c] = v; steps++; if (solve(g)) return true; g[r][c] = 0; } return false; } return true; }
    public static void main(String[] args) {
        String puzzle = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"; int[][] g = new int[9][9]; for (int i = 0; i < 81; i++) g[i / 9][i % 9] = puzzle.charAt(i) == '.' ? 0 : puzzle.charAt(i) - '0';
        System.out.println(solve(g)); for (int[] r : g) System.out.println(Arrays.stream(r).mapToObj(String::valueOf).collect(Collectors.joining(" "))); System.out.println(steps > 0);
    }
}
