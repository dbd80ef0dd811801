import java.util.*;
public class Enums {
    enum Op { ADD("+") { int apply(int a, int b) { return a + b; } }, MUL("*") { int apply(int a, int b) { return a * b; } }; final String sym; Op(String s) { sym = s; } abstract int apply(int a, int b); }
    enum Planet { EARTH(5.97e24, 6.37e6), MARS(6.42e23, 3.39e6); private final double mass, radius; Planet(double m, double r) { mass = m; radius = r; } double gravity() { return 6.67e-11 * mass / (radius * radius); } }
    enum Level implements Comparator<Integer> { LOW, HIGH; public int compare(Integer a, Integer b) { return this == LOW ? a - b : b - a; } static Level parse(String s) { return valueOf(s.toUpperCase()); } }
    public static void main(String[] args) {
        for (Op op : Op.values()) System.out.println(op + op.sym + op.apply(3, 4) + " " + op.getClass() + " " + op.getDeclaringClass() + " " + op.name() + op.ordinal());
        for (Planet p : Planet.values()) System.out.printf("%s %.2f%n", p, p.gravity());
        System.out.println(Level.parse("high") + " " + Level.LOW.compareTo(Level.HIGH) + " " + (Level.valueOf("LOW") == Level.LOW) + " " + Arrays.toString(Level.values()));
        EnumMap<Level, String> m = new EnumMap<>(Level.class); m.put(Level.HIGH, "h"); m.put(Level.LOW, "l"); System.out.println(m + " " + m.containsKey(Level.LOW) + m.get(Level.HIGH));
        EnumSet<Op> s = EnumSet.of(Op.MUL); System.out.println(s + " " + EnumSet.complementOf(s) + EnumSet.allOf(Level.class) + EnumSet.noneOf(Op.class).size() + EnumSet.range(Level.LOW, Level.HIGH));
        List<Integer> l = new ArrayList<>(List.of(3, 1, 2)); l.sort(Level.HIGH); System.out.println(l); Map<Op, Integer> counts = new TreeMap<>(); counts.merge(Op.MUL, 1, Integer::sum); counts.merge(Op.ADD, 1, Integer::sum); counts.merge(Op.MUL, 1, Integer::sum); System.out.println(counts);
    }
}
