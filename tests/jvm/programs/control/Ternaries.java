public class Ternaries {
    static String grade(int s) { return s >= 90 ? "A" : s >= 80 ? "B" : s >= 70 ? "C" : "F"; }
    static boolean t(String s) { System.out.print(s); return true; }
    static boolean f(String s) { System.out.print(s); return false; }
    public static void main(String[] args) {
        for (int s = 60; s <= 100; s += 8) System.out.print(grade(s) + " ");
        System.out.println();
        System.out.println(t("1") && f("2") || t("3") && !f("4"));
        System.out.println(f("1") & t("2") | f("3") ^ t("4"));
        int x = 5; boolean b = (x > 3) == (x < 10) != (x == 5); System.out.println(b);
        Object o = true ? 1 : "s"; System.out.println(o);
        System.out.println(true ? 1 : 2.0);
        System.out.println((x > 2 ? 'a' : 'b') + (x > 2 ? "c" : "d") + (char) ('a' + x));
        int y = x > 4 ? x < 6 ? x == 5 ? 555 : 0 : 1 : 2; System.out.println(y);
        boolean r = x != 5 || (y = 7) > 3; System.out.println(r + " " + y);
        if (!(x < 3 || y > 5 && x > 100) && !(y < 7)) System.out.println("ok"); else System.out.println("no");
    }
}
