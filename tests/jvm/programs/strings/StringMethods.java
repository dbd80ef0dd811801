import java.util.*;
public class StringMethods {
    public static void main(String[] args) {
        String s = "  Hello, World  ";
        System.out.println("[" + s.trim() + "][" + s.strip() + "][" + s.stripLeading() + "][" + s.stripTrailing() + "]" + s.isBlank() + s.length());
        String h = "Hello"; System.out.println(h.charAt(1) + " " + h.indexOf('l') + " " + h.lastIndexOf("l") + " " + h.indexOf("z") + " " + h.indexOf('l', 3) + " " + h.contains("ell"));
        System.out.println(h.substring(2) + h.substring(1, 3) + h.toUpperCase() + h.toLowerCase() + h.replace('l', 'L') + h.replace("ll", "--") + h.concat("!"));
        System.out.println(h.startsWith("He") + " " + h.endsWith("lo") + " " + h.equals("hello") + " " + h.equalsIgnoreCase("HELLO") + " " + h.compareTo("Help") + " " + "a".compareTo("abc") + " " + "B".compareToIgnoreCase("a"));
        System.out.println(Arrays.toString("a,b,,c,,".split(",")) + Arrays.toString("a1b22c".split("[0-9]+")) + Arrays.toString(" x  y ".trim().split("\\s+")) + Arrays.toString("a:b:c".split(":", 2)) + Arrays.toString("abc".split("")));
        System.out.println(String.join("-", "a", "b", "c") + String.join("/", List.of("x", "y")) + "ab".repeat(3) + "x".isEmpty() + "".isEmpty());
        System.out.println("a.b.c".replaceAll("\\.", "#") + "aaa".replaceFirst("a", "b") + "Hello World".replaceAll("(\\w+) (\\w+)", "$2 $1"));
        System.out.println(String.valueOf(3.5) + String.valueOf(true) + String.valueOf('c') + String.valueOf(new char[] {'x', 'y'}) + String.valueOf((Object) null));
        System.out.println("hello".hashCode() + " " + "".hashCode() + " " + "The quick brown fox".hashCode() + " " + "FB".hashCode() + "Ea".hashCode());
        char[] cs = "sort".toCharArray(); Arrays.sort(cs); System.out.println(new String(cs) + new String(cs, 1, 2) + cs.length);
        System.out.println("a-b".matches("[a-z]-[a-z]") + " " + "abc".chars().sum() + " " + "hello".chars().filter(c -> c == 'l').count() + " " + "A\tB\\\"q\"");
        String a = "hi", b = "hi", c = new String("hi"), d = c.intern(), e = "h" + "i"; final String half = "h"; String f = half + "i", g = a.substring(0, 1) + "i";
        System.out.println((a == b) + " " + (a == c) + " " + (a == d) + " " + (a == e) + " " + (a == f) + " " + (a == g) + " " + a.equals(g));
        try { "abc".charAt(5); } catch (StringIndexOutOfBoundsException x) { System.out.println(x.getMessage()); }
        try { "abc".substring(2, 1); } catch (StringIndexOutOfBoundsException x) { System.out.println(x.getMessage()); }
        try { "abc".substring(4); } catch (StringIndexOutOfBoundsException x) { System.out.println(x.getMessage()); }
        System.out.println("line1\nline2\r\nline3".lines().map(String::toUpperCase).toList() + " " + "abcabc".lastIndexOf("bc", 3) + " " + "x=%d y=%s".formatted(1, "z"));
        System.out.println("Mississippi".indexOf("ss", 3) + " " + "tEST".substring(0, 1).toUpperCase() + "tEST".substring(1).toLowerCase() + " " + "a" + 1 + 2 + 'c' + 1.0 + null + true);
        System.out.println(1 + 2 + "3" + 4 + 5 + " " + ('a' + 1) + (char) ('a' + 1) + " " + "é€😀".length() + "é€😀".codePointAt(2) + " é€😀 " + "ß".toUpperCase());
        StringBuilder sb = new StringBuilder("abc"); sb.append(1).append('x').append(2.5).append(true).append((Object) null).append(new char[] {'q'}).insert(0, "<<").reverse().setCharAt(0, 'Z');
        System.out.println(sb + " " + sb.length() + " " + sb.indexOf("x") + " " + sb.deleteCharAt(1).delete(0, 2).replace(0, 1, "RR") + " " + sb.charAt(2));
        sb.setLength(2); System.out.println(sb + "|" + new StringBuilder("a").compareTo(new StringBuilder("b")) + " " + sb.isEmpty() + " " + "abc".contentEquals(new StringBuilder("abc")));
        System.out.println("""
            Text block "quoted"
              indented \
            joined
            end""" + "\u0041" + "\101");
        System.out.println("%5d|%-5d|%05d|%x|%c|%b|%10.3f|%e|%,d|%+d|%s|%10s|%-10s|%%".formatted(42, 42, 42, 255, 'c', true, Math.PI, 12345.678, 1234567, 5, "s", "right", "left"));
    }
}
