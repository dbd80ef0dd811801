import java.util.*;
public class ObjectMethods {
    static class Money implements Cloneable, Comparable<Money> { final long cents; int[] notes = {1, 2}; Money(long c) { cents = c; } @Override public boolean equals(Object o) { if (this == o) return true; if (!(o instanceof Money)) return false; return cents == ((Money) o).cents; } @Override public int hashCode() { return Objects.hash(cents); } @Override public String toString() { return String.format("$%d.%02d", cents / 100, cents % 100); } @Override protected Money clone() throws CloneNotSupportedException { return (Money) super.clone(); } public int compareTo(Money o) { return Long.compare(cents, o.cents); } }
    static class Plain { public Object copy() throws CloneNotSupportedException { return clone(); } }
    public static void main(String[] args) throws Exception {
        Money a = new Money(1050), b = new Money(1050), c = a.clone(); System.out.println(a + " " + a.equals(b) + (a == b) + (a.hashCode() == b.hashCode()) + a.equals(null) + a.equals("x") + (c != a) + (c.notes == a.notes));
        Map<Money, String> m = new HashMap<>(); m.put(a, "first"); m.put(b, "second"); System.out.println(m.size() + m.get(new Money(1050))); try { new Plain().copy(); } catch (CloneNotSupportedException e) { System.out.println(e); }
        Object o = new Object(), p = new Object(); System.out.println(o.equals(p) + " " + o.equals(o) + " " + (o.hashCode() == o.hashCode()) + " " + o.toString().startsWith("java.lang.Object@") + " " + new Plain().toString().startsWith("ObjectMethods$Plain@")); System.out.println(Objects.equals(null, null) + " " + Objects.toString(null) + " " + Objects.requireNonNullElse(null, "d") + Objects.hashCode(null)); try { Objects.requireNonNull(null, "must not be null"); } catch (NullPointerException e) { System.out.println(e.getMessage()); }
        System.out.println(a.getClass() + " " + a.getClass().getSuperclass() + " " + Integer.class.getName() + " " + int.class + " " + Runnable.class.isInterface() + " " + String[].class.getName()); synchronized (a) { System.out.println("locked"); }
    }
}
