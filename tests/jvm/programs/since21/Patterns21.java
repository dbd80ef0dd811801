import java.util.*;
import java.util.stream.*;

public class Patterns21 {
    sealed interface Shape permits Circle, Box, Group {}
    record Circle(double r) implements Shape {}
    record Box(int w, int h) implements Shape {}
    record Group(Shape first, List<Shape> rest) implements Shape {}
    enum Suit { CLUBS, HEARTS }
    sealed interface Card permits Plain, Joker {}
    record Plain(Suit suit, int n) implements Card {}
    record Joker() implements Card {}
    static double area(Shape s) {
        return switch (s) {
            case Circle(double r) when r > 100 -> Double.POSITIVE_INFINITY;
            case Circle(var r) -> Math.PI * r * r;
            case Box(int w, int h) when w == h -> w * w;
            case Box b -> b.w() * b.h();
            case Group(Box(int w, int h), List<Shape> rest) -> w * h + rest.stream().mapToDouble(Patterns21::area).sum();
            case Group(Shape f, var rest) -> area(f) + rest.size();
        };
    }
    static String describe(Object o) {
        return switch (o) {
            case null -> "null!";
            case Integer i when i > 10 -> "big " + i;
            case Integer i -> "int " + i;
            case Long l -> "long " + l;
            case String s when s.isEmpty() -> "empty";
            case String s -> "text " + s.length();
            case Suit s when s == Suit.HEARTS -> "love";
            case Suit s -> "suit " + s.ordinal();
            case int[] a -> "ints " + a.length;
            case List<?> l when l.size() > 2 -> "long list";
            case Collection<?> c -> "collection " + c.size();
            case Record r -> "record " + r;
            default -> o.getClass().getSimpleName();
        };
    }
    static int suits(Suit s) { return switch (s) { case CLUBS -> 1; case HEARTS -> 2; }; }
    static String strings(String s) {
        return switch (s) {
            case "a", "b" -> "ab";
            case String t when t.length() > 3 -> "long";
            case "xyz" -> "xyz";
            default -> "?";
        };
    }
    static String card(Card c) {
        return switch (c) {
            case Plain(Suit s, int n) when n > 10 -> s + " court";
            case Plain p -> p.toString();
            case Joker j -> "joker";
        };
    }
    static String qualified(Object o) {
        return switch (o) {
            case Suit.CLUBS -> "clubs";
            case Suit.HEARTS -> "hearts";
            default -> "none";
        };
    }
    public static void main(String[] args) {
        for (Shape s : List.of(new Circle(1), new Circle(1000), new Box(2, 2), new Box(2, 3), new Group(new Box(1, 5), List.of(new Circle(0))), new Group(new Circle(1), List.of()))) System.out.println(area(s));
        for (Object o : Arrays.asList(null, 5, 50, 7L, "", "abc", Suit.HEARTS, Suit.CLUBS, new int[3], List.of(1, 2, 3), Set.of(1), new Joker(), 2.5, 'c')) System.out.println(describe(o));
        System.out.println(suits(Suit.HEARTS) + strings("b") + strings("hello") + strings("xyz") + strings("q") + card(new Plain(Suit.CLUBS, 12)) + card(new Plain(Suit.HEARTS, 2)) + card(new Joker()) + qualified(Suit.HEARTS) + qualified("x"));
        Object o = new Group(new Box(3, 4), List.of());
        if (o instanceof Group(Box(var w, var h), var rest) && w < h) System.out.println(w + h + " " + rest.isEmpty());
        List<Integer> list = new ArrayList<>(List.of(1, 2, 3));
        System.out.println(list.reversed() + " " + list.getFirst() + " " + list.removeLast() + " " + new TreeSet<>(list).reversed() + new LinkedHashMap<>(Map.of("k", 1)).firstEntry());
        System.out.println(new StringBuilder("x").repeat("ab", 2).repeat('!', 3) + " " + Math.clamp(15L, 0, 10) + " " + "a-b-c".indexOf('-', 2, 5) + " " + Arrays.toString("a,b;c".splitWithDelimiters("[,;]", 0)) + " " + Character.isEmoji(0x1F600) + " " + StringBuilder.class.getSimpleName());
        System.out.println(1.1f * 1.1f + " " + 2e-3 + " " + 2.0e23 + " " + String.format("%.3f %s %e", 1.0005, 1e23, 1.5e-7));
        try { area(null); } catch (NullPointerException e) { System.out.println("null shape"); }
        System.out.println(Stream.of(1, 2, 3, 4).mapMulti((Integer x, java.util.function.Consumer<Object> c) -> { if (x % 2 == 0) { c.accept(x); c.accept(-x); } }).toList());
    }
}
