import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Shapes {
    sealed interface Shape permits Circle, Rect, Tri { double area(); double perimeter(); } record Circle(double r) implements Shape { public double area() { return Math.PI * r * r; } public double perimeter() { return 2 * Math.PI * r; } } record Rect(double w, double h) implements Shape { public double area() { return w * h; } public double perimeter() { return 2 * (w + h); } } record Tri(double a, double b, double c) implements Shape { public double area() { double s = perimeter() / 2; return Math.sqrt(s * (s - a) * (s - b) * (s - c)); } public double perimeter() { return a + b + c; } } static String describe(Shape s) { if (s instanceof Circle c) return "circle of " + c.r(); if (s instanceof Rect r && r.w() == r.h()) return "square"; if (s instanceof Rect r) return r.w() + "x" + r.h(); return s.toString(); } static String kind(Object o) { if (o == null) return "null"; if (o instanceof Integer i && i > 0) return "posint"; if (o instanceof String s) return "str" + s.length(); if (o instanceof Number n) return "num" + n.intValue(); if (o instanceof int[] a) return "ints" + a.length; if (o instanceof Collection<?> c) return "coll" + c.size(); return o.getClass().getSimpleName(); }
    public static void main(String[] args) {
        List<Shape> shapes = List.of(new Circle(1.5), new Rect(2, 3.5), new Tri(3, 4, 5)); for (Shape s : shapes) System.out.printf("%s area=%.3f perimeter=%.3f%n", describe(s), s.area(), s.perimeter()); System.out.println(shapes.stream().mapToDouble(Shape::area).max().getAsDouble() > 7); Object[] things = {1, "two", 3.0, 'c', null, new int[] {1, 2}, List.of(1), Shape.class, 5L}; for (Object o : things) System.out.print(kind(o) + " "); System.out.println();
    }
}
