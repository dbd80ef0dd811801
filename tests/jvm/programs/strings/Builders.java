import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Builders {

    public static void main(String[] args) {
        StringBuilder sb = new StringBuilder(); for (int i = 0; i < 5; i++) sb.append(i).append(i < 4 ? "," : ""); System.out.println(sb + " " + sb.length() + " " + sb.reverse()); sb.insert(2, "abc").insert(0, 3.5).insert(0, true).insert(1, 'x'); System.out.println(sb); sb.replace(0, 4, "").delete(sb.length() - 2, sb.length()); System.out.println(sb + " " + sb.indexOf("a") + sb.lastIndexOf(",") + sb.charAt(1)); StringBuffer bf = new StringBuffer("buf"); bf.append(1L).append(2f).append(new char[] {'q', 'r'}, 0, 1).append("xyz", 1, 2); System.out.println(bf); String s = ""; for (char c = 'a'; c < 'g'; c++) s = c + s + c; System.out.println(s); System.out.println(new StringBuilder("racecar").reverse().toString().equals("racecar")); StringBuilder a = new StringBuilder("x"), b = a; b.append("y"); System.out.println(a + " " + (a == b) + a.equals(new StringBuilder("xy")) + a.compareTo(new StringBuilder("xz"))); sb.setLength(0); sb.append((String) null).append((Object) null).append('c' + 1).append((char) ('c' + 1)); System.out.println(sb); try { sb.insert(99, "x"); } catch (StringIndexOutOfBoundsException e) { System.out.println(e.getMessage()); } try { sb.delete(5, 2); } catch (StringIndexOutOfBoundsException e) { System.out.println(e.getMessage()); } try { new StringBuilder().charAt(0); } catch (IndexOutOfBoundsException e) { System.out.println(e.getMessage()); } System.out.println(sb.substring(4) + sb.subSequence(0, 2) + sb.chars().filter(c -> c == 'l').count() + " " + String.valueOf(sb).toUpperCase()); System.out.println(new StringBuilder().append(1).append('1').append("1").append(1.0).append(1f).append(1L).append(true));
    }
}
