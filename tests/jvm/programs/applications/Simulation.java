import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Simulation {

    public static void main(String[] args) {
        Random r = new Random(2024); int[] hist = new int[11]; for (int i = 0; i < 500; i++) hist[r.nextInt(6) + r.nextInt(6)]++; for (int i = 0; i < 11; i++) System.out.printf("%2d %s%n", i + 2, "*".repeat(hist[i] / 10)); PriorityQueue<double[]> q = new PriorityQueue<>(Comparator.comparingDouble(e -> e[0])); q.add(new double[] {0, 0}); int served = 0; double t = 0, busy = 0; while (!q.isEmpty() && t < 50) { double[] e = q.poll(); t = e[0]; if (e[1] == 0) { q.add(new double[] {t - Math.log(1 - r.nextDouble()) * 2, 0}); double start = Math.max(t, busy); busy = start + 1.5; q.add(new double[] {busy, 1}); } else served++; } System.out.printf("%d %.6f%n", served, busy); double inside = 0; for (int i = 0; i < 1000; i++) { double x = r.nextDouble(), y = r.nextDouble(); if (x * x + y * y <= 1) inside++; } System.out.println(4 * inside / 1000); long lcg = 1; StringBuilder sb = new StringBuilder(); for (int i = 0; i < 10; i++) { lcg = lcg * 6364136223846793005L + 1442695040888963407L; sb.append(lcg >>> 60).append(' '); } System.out.println(sb); List<String> deck = new ArrayList<>(); for (String s : "SHDC".split("")) for (String v : "A23456789TJQK".split("")) deck.add(v + s); Collections.shuffle(deck, r); System.out.println(deck.subList(0, 5)); int x = 0, y = 0; for (int i = 0; i < 100; i++) switch (r.nextInt(4)) { case 0 -> x++; case 1 -> x--; case 2 -> y++; default -> y--; } System.out.println(x + "," + y + " " + r.nextGaussian());
    }
}
