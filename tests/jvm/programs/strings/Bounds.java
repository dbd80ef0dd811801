import java.util.*;
public class Bounds { interface R { Object go() throws Exception; }
 static void t(R r) {
     try {
         System.out.println(r.go());
     } catch (Exception e) {
         System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
     }
 }
 public static void main(String[] a) { String s = "abc"; StringBuilder b = new StringBuilder("abc");
 t(() -> s.charAt(5));
 t(() -> s.charAt(-1));
 t(() -> "".charAt(0));
 t(() -> "é日".charAt(7));
 t(() -> s.substring(4));
 t(() -> s.substring(-1));
 t(() -> s.substring(2, 1));
 t(() -> s.substring(1, 9));
 t(() -> s.subSequence(2, 7));
 t(() -> s.codePointAt(3));
 t(() -> s.repeat(-1));
 t(() -> b.charAt(3));
 t(() -> b.deleteCharAt(3));
 t(() -> b.insert(9, "x"));
 t(() -> b.insert(-1, 'c'));
 t(() -> b.substring(2, 9));
 t(() -> b.substring(5));
 t(() -> b.delete(5, 6));
 t(() -> b.replace(4, 5, "x"));
 t(() -> { b.setCharAt(3, 'x'); return b; });
 t(() -> { b.setLength(-1); return b; });
 t(() -> b.codePointAt(9));
 t(() -> new String(new char[] {'a'}, 1, 5));
 t(() -> String.valueOf(new char[2], 1, 2));
 t(() -> s.offsetByCodePoints(0, 9));
 t(() -> b.append("abc", 2, 9));
 t(() -> s.codePointBefore(0));
 t(() -> b.subSequence(3, 1));
 t(() -> new String(new int[] {65}, 0, 2));
 t(() -> { s.getChars(0, 9, new char[1], 0); return 0; });
 t(() -> Character.toChars(-1));
 t(() -> s.indexOf("c", 99));
 t(() -> "x".compareTo(null));
 t(() -> List.of(1).get(3));
 t(() -> new ArrayList<>(List.of(1)).get(3));
 t(() -> new ArrayList<>().remove(0));
 t(() -> new LinkedList<>().get(0));
 t(() -> new ArrayList<>(List.of(1)).subList(1, 0));
 t(() -> Arrays.copyOfRange(new int[1], 2, 1));
 t(() -> new ArrayDeque<>().pop());
 t(() -> Optional.empty().get());
 }}
