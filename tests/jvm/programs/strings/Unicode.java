import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Unicode {

    public static void main(String[] args) {
        System.out.println("naïve café".length() + " " + "日本語".charAt(1) + "日本語".indexOf("語") + "Ünïcödé".toLowerCase() + "straße".toUpperCase());
        System.out.println("😀x".length() + " " + "😀x".codePointCount(0, 3) + " " + Character.toString(128512) + new StringBuilder("a😀b").reverse() + "a😀".codePoints().count());
        System.out.println("\u00e9".equals("e\u0301") + " " + "e\u0301".length() + "\t|\\|\"|'");
        System.out.println((int) "Ω".charAt(0) + " " + (char) 937 + " " + "ω".toUpperCase() + Character.isLetter('Ω') + Character.isUpperCase('Ω'));
        System.out.println("İ".length() + "ﬁ".toUpperCase() + "ΑΣ".toLowerCase());
        System.out.println("añb".compareTo("azb") + " " + "Z".compareTo("a") + " " + "résumé".hashCode() + " " + "日本".hashCode());
        System.out.println("abc".getBytes(java.nio.charset.StandardCharsets.UTF_8).length + "é".getBytes(java.nio.charset.StandardCharsets.UTF_8).length + "é".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1).length + new String(new byte[] {-61, -87}, java.nio.charset.StandardCharsets.UTF_8));
        System.out.println("\u2603 snow".split(" ")[0] + "x\u00a0y".trim().length() + " z\u3000".strip().length() + "tab\there");
    }
}
