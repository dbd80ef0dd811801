import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Graphs {
    record Edge(int to, int w) {} static Map<Integer, List<Edge>> adj = new HashMap<>();
    static List<Integer> bfs(int s) { List<Integer> out = new ArrayList<>(); Set<Integer> seen = new HashSet<>(Set.of(s)); Queue<Integer> q = new ArrayDeque<>(List.of(s)); while (!q.isEmpty()) { int u = q.poll(); out.add(u); for (Edge e : adj.get(u)) if (seen.add(e.to())) q.add(e.to()); } return out; }
    static Set<Integer> dfs(int u, Set<Integer> seen) { if (seen.add(u)) adj.get(u).forEach(e -> dfs(e.to(), seen)); return seen; }
    static int[] dijkstra(int s, int n) { int[] dist = new int[n]; Arrays.fill(dist, Integer.MAX_VALUE); dist[s] = 0; PriorityQueue<int[]> pq = new PriorityQueue<>((a, b) -> Integer.compare(a[1], b[1])); pq.add(new int[] {s, 0}); while (!pq.isEmpty()) { int[] c = pq.poll(); if (c[1] > dist[c[0]]) continue; for (Edge e : adj.get(c[0])) { int nd = c[1] + e.w(); if (nd < dist[e.to()]) { dist[e.to()] = nd; pq.add(new int[] {e.to(), nd}); } } } return dist; }
    static class UnionFind { int[] p; int sets; UnionFind(int n) { p = new int[n]; sets = n; for (int i = 0; i < n; i++) p[i] = i; } int find(int x) { return p[x] == x ? x : (p[x] = find(p[x])); } boolean union(int a, int b) { a = find(a); b = find(b); if (a == b) return false; p[a] = b; sets--; return true; } }
    static List<String> topo(Map<String, List<String>> g) { Map<String, Integer> in = new TreeMap<>(); g.forEach((k, v) -> { in.putIfAbsent(k, 0); v.forEach(x -> in.merge(x, 1, Integer::sum)); }); PriorityQueue<String> ready = new PriorityQueue<>(); in.forEach((k, v) -> { if (v == 0) ready.add(k); }); List<String> out = new ArrayList<>(); while (!ready.isEmpty()) { String u = ready.poll(); out.add(u); for (String v : g.getOrDefault(u, List.of())) if (in.merge(v, -1, Integer::sum) == 0) ready.add(v); } return out; }
    public static void main(String[] args) {
        int[][] edges = {{0, 1, 4}, {0, 2, 1}, {2, 1, 2}, {1, 3, 5}, {2, 3, 8}, {3, 4, 3}}; for (int i = 0; i < 6; i++) adj.put(i, new ArrayList<>()); for (int[] e : edges) { adj.get(e[0]).add(new Edge(e[1], e[2])); adj.get(e[1]).add(new Edge(e[0], e[2])); }
        System.out.println(bfs(0) + " " + dfs(0, new LinkedHashSet<>()) + " " + Arrays.toString(dijkstra(0, 6))); UnionFind uf = new UnionFind(6); int cost = 0; List<int[]> sorted = new ArrayList<>(List.of(edges)); sorted.sort(Comparator.comparingInt(e -> e[2])); for (int[] e : sorted) if (uf.union(e[0], e[1])) cost += e[2]; System.out.println(cost + " " + uf.sets + " " + uf.find(5)); System.out.println(topo(Map.of("shirt", List.of("tie"), "tie", List.of("jacket"), "pants", List.of("shoes", "belt"), "belt", List.of("jacket"))));
        int INF = 1 << 29; int[][] d = new int[5][5]; for (int[] r : d) Arrays.fill(r, INF); for (int i = 0; i < 5; i++) d[i][i] = 0; for (int[] e : edges) d[e[0]][e[1]] = e[2]; for (int k = 0; k < 5; k++) for (int i = 0; i < 5; i++) for (int j = 0; j < 5; j++) d[i][j] = Math.min(d[i][j], d[i][k] + d[k][j]); System.out.println(Arrays.deepToString(d).replace("" + INF, "x"));
    }
}
