import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class NQueens {
    static int solve(int n, int row, int cols, int d1, int d2) { if (row == n) return 1; int count = 0; for (int free = ((1 << n) - 1) & ~(cols | d1 | d2); free != 0; free &= free - 1) { int bit = free & -free; count += solve(n, row + 1, cols | bit, (d1 | bit) << 1, (d2 | bit) >> 1); } return count; }
    static boolean place(int[] b, int r) { if (r == b.length) return true; next: for (int c = 0; c < b.length; c++) { for (int p = 0; p < r; p++) if (b[p] == c || Math.abs(b[p] - c) == r - p) continue next; b[r] = c; if (place(b, r + 1)) return true; } return false; }
    public static void main(String[] args) {
        for (int n = 1; n <= 6; n++) System.out.println(n + ": " + solve(n, 0, 0, 0, 0));
        int[] board = new int[6]; if (place(board, 0)) for (int q : board) { StringBuilder row = new StringBuilder(); for (int c = 0; c < 6; c++) row.append(c == q ? 'Q' : '.'); System.out.println(row); }
    }
}
