import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class TicTacToe {
    static class Game { char[] b = "         ".toCharArray(); static final int[][] L = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}}; Map<String, Integer> memo = new HashMap<>(); char winner() { for (int[] l : L) if (b[l[0]] != ' ' && b[l[0]] == b[l[1]] && b[l[1]] == b[l[2]]) return b[l[0]]; return ' '; } boolean full() { for (char c : b) if (c == ' ') return false; return true; } int score(char me, char turn) { char w = winner(); if (w != ' ') return w == me ? 1 : -1; if (full()) return 0; String k = new String(b) + me + turn; Integer known = memo.get(k); if (known != null) return known; int best = turn == me ? -2 : 2; for (int i = 0; i < 9; i++) if (b[i] == ' ') { b[i] = turn; int s = score(me, turn == 'X' ? 'O' : 'X'); b[i] = ' '; best = turn == me ? Math.max(best, s) : Math.min(best, s); } memo.put(k, best); return best; } int best(char me) { int bs = -2, bi = -1; for (int i = 0; i < 9; i++) if (b[i] == ' ') { b[i] = me; int s = score(me, me == 'X' ? 'O' : 'X'); b[i] = ' '; if (s > bs) { bs = s; bi = i; } } return bi; } public String toString() { return new String(b).replace(' ', '.').replaceAll("(...)", "$1\n"); } }
    public static void main(String[] args) {
        Game g = new Game(); int moves = 0; while (g.winner() == ' ' && !g.full()) { int m = g.best(moves % 2 == 0 ? 'X' : 'O'); g.b[m] = moves++ % 2 == 0 ? 'X' : 'O'; } System.out.println(g + "" + (g.winner() == ' ' ? "draw" : g.winner()) + " " + moves); Game h = new Game(); h.b = "XX OO    ".toCharArray(); System.out.println(h.best('X') + " " + h.best('O'));
    }
}
