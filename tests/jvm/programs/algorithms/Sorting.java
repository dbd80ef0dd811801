import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Sorting {
    static void swap(int[] a, int i, int j) { int t = a[i]; a[i] = a[j]; a[j] = t; }
    static void bubble(int[] a) { boolean swapped = true; for (int n = a.length; swapped; n--) { swapped = false; for (int i = 1; i < n; i++) if (a[i - 1] > a[i]) { swap(a, i - 1, i); swapped = true; } } }
    static void insertion(int[] a) { for (int i = 1; i < a.length; i++) { int k = a[i], j = i - 1; while (j >= 0 && a[j] > k) { a[j + 1] = a[j]; j--; } a[j + 1] = k; } }
    static void quick(int[] a, int l, int r) { if (l >= r) return; int p = a[(l + r) >>> 1], i = l, j = r; while (i <= j) { while (a[i] < p) i++; while (a[j] > p) j--; if (i <= j) swap(a, i++, j--); } quick(a, l, j); quick(a, i, r); }
    static int[] merge(int[] a) { if (a.length < 2) return a; int[] l = merge(Arrays.copyOf(a, a.length / 2)), r = merge(Arrays.copyOfRange(a, a.length / 2, a.length)), o = new int[a.length]; for (int i = 0, j = 0, k = 0; k < o.length; k++) o[k] = j >= r.length || i < l.length && l[i] <= r[j] ? l[i++] : r[j++]; return o; }
    static void heap(int[] a) { for (int i = a.length / 2 - 1; i >= 0; i--) sift(a, i, a.length); for (int e = a.length - 1; e > 0; e--) { swap(a, 0, e); sift(a, 0, e); } }
    static void sift(int[] a, int i, int n) { while (true) { int m = i, l = 2 * i + 1, r = l + 1; if (l < n && a[l] > a[m]) m = l; if (r < n && a[r] > a[m]) m = r; if (m == i) return; swap(a, i, m); i = m; } }
    static int search(int[] a, int x) { int lo = 0, hi = a.length - 1; while (lo <= hi) { int mid = lo + (hi - lo) / 2; if (a[mid] == x) return mid; if (a[mid] < x) lo = mid + 1; else hi = mid - 1; } return -(lo + 1); }
    public static void main(String[] args) {
        int[] base = new int[60]; long seed = 42; for (int i = 0; i < base.length; i++) { seed = (seed * 1103515245 + 12345) & 0x7fffffff; base[i] = (int) (seed % 1000) - 500; }
        int[] a = base.clone(), b = base.clone(), c = base.clone(), d = base.clone(), e = base.clone(); bubble(a); quick(b, 0, b.length - 1); c = merge(c); heap(d); insertion(e); Arrays.sort(base); System.out.println(Arrays.toString(base)); System.out.println(Arrays.equals(a, base) + " " + Arrays.equals(b, base) + " " + Arrays.equals(c, base) + " " + Arrays.equals(d, base) + " " + Arrays.equals(e, base)); System.out.println(search(base, base[17]) >= 0);
    }
}
