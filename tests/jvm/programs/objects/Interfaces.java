import java.util.*;
public class Interfaces {
    interface Animal { String sound(); default String speak() { return name() + " says " + sound(); } private String name() { return getClass().getSimpleName(); } static Animal of(String s) { return () -> s; } int LEGS = 4; }
    interface Loud { default String speak() { return "LOUD"; } default String both() { return "both"; } }
    static class Dog implements Animal { public String sound() { return "woof"; } }
    static class Cat implements Animal, Loud { public String sound() { return "meow"; } public String speak() { return Animal.super.speak() + "/" + Loud.super.speak(); } }
    interface Top { default String who() { return "top"; } } interface Left extends Top { default String who() { return "left"; } } interface Right extends Top {} static class Diamond implements Left, Right {} static class Under extends Diamond implements Top {}
    static class Base { public String who() { return "class"; } } static class Wins extends Base implements Left {}
    interface Stack<T> { void push(T t); T pop(); boolean isEmpty(); }
    static class ListStack<T> implements Stack<T>, Iterable<T> { private final List<T> items = new ArrayList<>(); public void push(T t) { items.add(t); } public T pop() { if (isEmpty()) throw new IllegalStateException("empty"); return items.remove(items.size() - 1); } public boolean isEmpty() { return items.isEmpty(); } public Iterator<T> iterator() { return new Iterator<T>() { int i = items.size(); public boolean hasNext() { return i > 0; } public T next() { return items.get(--i); } }; } }
    public static void main(String[] args) {
        System.out.println(new Dog().speak() + ", " + new Cat().speak() + ", " + Animal.of("hi").sound() + Animal.LEGS + new Cat().both());
        System.out.println(new Diamond().who() + " " + new Under().who() + " " + new Wins().who());
        ListStack<String> s = new ListStack<>(); s.push("a"); s.push("b"); s.push("c"); for (String x : s) System.out.print(x); System.out.println(s.pop() + s.pop() + s.pop());
        try { s.pop(); } catch (IllegalStateException e) { System.out.println(e); }
        Comparable<String> c = "b"; System.out.println(c.compareTo("a")); CharSequence cs = "chars"; System.out.println(cs.length() + cs.subSequence(1, 3).toString());
    }
}
