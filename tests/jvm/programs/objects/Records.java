import java.util.*;
public class Records {
    record Point(int x, int y) { static final Point ORIGIN = new Point(0, 0); Point { if (x < 0) throw new IllegalArgumentException("negative: " + x); } Point(int both) { this(both, both); } double dist() { return Math.sqrt(x * x + y * y); } static Point parse(String s) { String[] p = s.split(","); return new Point(Integer.parseInt(p[0]), Integer.parseInt(p[1])); } }
    record Person(String name, int age, List<String> tags) implements Comparable<Person> { public int compareTo(Person o) { return Integer.compare(age, o.age); } @Override public String name() { return name.toUpperCase(); } }
    record Pair<A, B>(A first, B second) { <C> Pair<A, C> with(C c) { return new Pair<>(first, c); } } record Empty() {} record Mixed(double d, float f, char c, boolean b, long l, byte y, String s, int[] arr) {}
    public static void main(String[] args) {
        Point p = new Point(3, 4); System.out.println(p + " " + p.dist() + " " + p.equals(new Point(3, 4)) + " " + (p == new Point(3, 4)) + " " + p.hashCode() + " " + new Point(7) + Point.parse("5,6") + Point.ORIGIN);
        try { new Point(-1, 0); } catch (IllegalArgumentException e) { System.out.println(e.getMessage()); }
        Person a = new Person("ann", 30, List.of("x")), b = new Person("bob", 25, List.of()); System.out.println(a + " " + a.name() + " " + a.compareTo(b)); List<Person> ps = new ArrayList<>(List.of(a, b)); Collections.sort(ps); System.out.println(ps.get(0).name());
        Pair<String, Integer> q = new Pair<>("k", 1); System.out.println(q + " " + q.with(2.5) + " " + new Pair<>(null, null) + new Empty() + new Empty().equals(new Empty()) + " " + q.hashCode());
        Mixed m = new Mixed(1.5, 2.5f, 'c', true, 1L << 40, (byte) 1, "s", null); System.out.println(m + " " + m.equals(new Mixed(1.5, 2.5f, 'c', true, 1L << 40, (byte) 1, "s", null)) + " " + m.hashCode());
        Set<Point> set = new HashSet<>(List.of(p, new Point(1, 2))); System.out.println(set.contains(new Point(1, 2)) + " " + set.size()); record Local(int v) { int sq() { return v * v; } } System.out.println(new Local(9).sq() + " " + new Local(9));
        Object o = p; if (o instanceof Point pt && pt.x() > 2) System.out.println("x=" + pt.x()); if (!(o instanceof Point r)) return; System.out.println(r.y());
    }
}
