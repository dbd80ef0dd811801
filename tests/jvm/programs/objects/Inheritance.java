public class Inheritance {
    static abstract class Shape { protected String name; static int count; Shape(String n) { name = n; count++; init(); } void init() { System.out.println("init " + name); } abstract double area(); public String toString() { return name + String.format("(%.2f)", area()); } }
    static class Circle extends Shape { double r; Circle(double r) { super("circle"); this.r = r; } double area() { return Math.PI * r * r; } void init() { System.out.println("circle init r=" + r); } }
    static class Rect extends Shape { double w, h; Rect(double w, double h) { this("rect", w, h); } Rect(String n, double w, double h) { super(n); this.w = w; this.h = h; } double area() { return w * h; } }
    static class Square extends Rect { Square(double s) { super("square", s, s); } @Override public String toString() { return "Square:" + super.toString(); } }
    static class A { int x = 1; static String st() { return "A.st"; } int getX() { return x; } A self() { return this; } private String p() { return "A.p"; } String callP() { return p(); } }
    static class B extends A { int x = 2; static String st() { return "B.st"; } int getX() { return x + super.x * 10 + super.getX() * 100; } B self() { return this; } String p() { return "B.p"; } }
    public static void main(String[] args) {
        Shape[] shapes = {new Circle(1), new Rect(2, 3), new Square(4)}; double total = 0; for (Shape s : shapes) { System.out.println(s); total += s.area(); } System.out.printf("%.3f %d%n", total, Shape.count);
        A a = new B(); System.out.println(a.x + " " + ((B) a).x + " " + a.getX() + " " + A.st() + " " + B.st() + " " + a.self().getClass().getName() + " " + a.callP());
        System.out.println((a instanceof B) + " " + (a instanceof A) + " " + (null instanceof A) + " " + (a.getClass() == B.class) + " " + (shapes[2] instanceof Rect));
        try { B b = (B) new A(); } catch (ClassCastException e) { System.out.println(e.getMessage()); }
        try { Object o = "s"; Integer i = (Integer) o; } catch (ClassCastException e) { System.out.println(e.getMessage()); }
    }
}
