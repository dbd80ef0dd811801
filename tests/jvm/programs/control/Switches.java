public class Switches {
    enum Day { MON, TUE, WED, SAT, SUN }
    static int old(int x) { int r = 0; switch (x) { case 1: r += 1; case 2: r += 2; break; case 100: r = 100; break; case -5: return -5; default: r = 9; } return r; }
    static String str(String s) { switch (s) { case "a": case "b": return "ab"; case "Aa": return "Aa"; case "BB": return "BB"; default: return "?"; } }
    static String arrow(Day d) { return switch (d) { case SAT, SUN -> "weekend"; case MON -> { String t = "ugh"; yield t + "!"; } default -> "day" + d.ordinal(); }; }
    static int dense(char c) { return switch (c) { case 'a' -> 1; case 'b' -> 2; case 'c' -> 3; case 'z' -> 26; default -> 0; }; }
    public static void main(String[] args) {
        for (int i : new int[] {1, 2, 3, 100, -5}) System.out.print(old(i) + " ");
        for (String s : new String[] {"a", "b", "Aa", "BB", "C#"}) System.out.print(str(s) + " ");
        for (Day d : Day.values()) System.out.print(arrow(d) + " ");
        for (char c : "abcdz".toCharArray()) System.out.print(dense(c) + " ");
        System.out.println();
        switch (Day.WED) { case MON: System.out.println("mon"); break; case WED: System.out.println("wed"); }
        Integer boxed = 3; switch (boxed) { case 3 -> System.out.println("three"); default -> {} }
        try { Day none = null; switch (none) { case MON: break; } } catch (NullPointerException e) { System.out.println("null day"); }
        try { Day.valueOf("XXX"); } catch (IllegalArgumentException e) { System.out.println(e.getMessage()); }
        int month = 4, days = switch (month) { case 4, 6, 9, 11 -> 30; case 2 -> 28; default -> 31; }; System.out.println(days);
    }
}
