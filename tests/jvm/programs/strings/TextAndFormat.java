import java.util.*;

public class TextAndFormat {
    public static void main(String[] args) {
        String block = """
            Dear "reader",
              indented \
            joined\tand tabbed
            trailing kept\s\s
            three quotes: \""" done
            """;
        System.out.print(block);
        System.out.println(block.lines().count() + " " + block.length());
        System.out.println("""
            a
           b""".indent(2).replace(' ', '.'));
        System.out.println("[%5d|%-5d|%05d|%+d|%,d|%(d|%x|%X|%o]".formatted(42, 42, 42, 42, 1234567, -5, 255, 255, 8));
        System.out.println(String.format("[%8.3f|%-8.2f|%08.2f|%+.1e|%g|%.0f]", Math.PI, Math.E, -1.5, 12345.678, 0.00012345, 2.5));
        System.out.println(String.format("[%s|%10s|%-10s|%.3s|%S|%b|%c|%%|%n]", "text", "right", "left", "truncate", "loud", null, 'c').trim());
        System.out.println(String.format("%2$s %1$s %2$s %<s", "one", "two"));
        System.out.println(String.format("%h %08X %d", "hash", -1, Long.MIN_VALUE));
        System.out.println(String.format("%,.2f %e %a", 1234567.891, 0.0, 1.0));
        System.out.println(String.format("%5b|%-7b|%s", true, false, Arrays.asList(1, null, "x")));
        for (String bad : new String[] {"%d", "%q", "%5", "%-d"}) {
            try { System.out.println(String.format(bad, "text")); }
            catch (IllegalFormatException e) { System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage()); }
        }
        System.out.println("  strip me ".strip() + "|" + "  x ".stripLeading() + "|" + "  x ".stripTrailing() + "|" + " \t".isBlank());
        System.out.println("a,b,,c,,".split(",").length + " " + "a,b,,c,,".split(",", -1).length + " " + Arrays.toString("a1b22c".split("\\d+")));
        System.out.println(String.join("/", List.of("x", "y")) + " " + "abc".compareTo("abd") + " " + "Z".compareToIgnoreCase("a"));
        System.out.println("Mississippi".replaceAll("(ss)", "[$1]") + " " + "x.y.z".replace(".", "").chars().sum());
        System.out.println("héllo wörld ẞ 😀".toUpperCase() + " " + "😀".length() + " " + "😀".codePointCount(0, 2));
        System.out.println(new StringBuilder("racecar!").reverse().insert(0, 3.5f).insert(3, true).deleteCharAt(1).append((Object) null).append(new char[] {'a', 'b'}));
        StringBuilder b = new StringBuilder("0123456789");
        b.replace(2, 5, "---").setLength(8);
        b.setCharAt(0, 'Z');
        System.out.println(b + " " + b.indexOf("--") + " " + b.lastIndexOf("-") + " " + b.charAt(7));
        try { b.insert(99, "x"); } catch (StringIndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
        try { "abc".substring(2, 1); } catch (StringIndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
        System.out.println("a\u0000b".length() + " " + (int) 'é' + " " + '\u0041' + " " + "\101\7".length());
        System.out.println(String.valueOf((Object) null) + " " + "null".equals(null) + " " + "ab".hashCode() + " " + "Aa".hashCode() + " " + "BB".hashCode());
        System.out.println("%s %s".formatted(new int[0].length, Optional.of("x")) + " " + "x".repeat(0).isEmpty());
        System.out.println(Integer.toString(255, 36) + " " + Integer.toBinaryString(-8) + " " + Long.toHexString(-1L) + " " + Integer.parseInt("-7f", 16) + " " + Integer.toUnsignedString(-1));
    }
}
