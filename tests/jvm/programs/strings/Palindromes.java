public class Palindromes {
    static boolean isPalindrome(String s) { String t = s.toLowerCase().replaceAll("[^a-z0-9]", ""); int i = 0, j = t.length() - 1; while (i < j) if (t.charAt(i++) != t.charAt(j--)) return false; return true; }
    static String longest(String s) { String best = ""; for (int c = 0; c < s.length(); c++) for (int w = 0; w < 2; w++) { int l = c, r = c + w; while (l >= 0 && r < s.length() && s.charAt(l) == s.charAt(r)) { l--; r++; } if (r - l - 1 > best.length()) best = s.substring(l + 1, r); } return best; }
    public static void main(String[] args) {
        for (String s : new String[] {"A man, a plan, a canal: Panama", "race a car", "", "No 'x' in Nixon"}) System.out.println(s + " -> " + isPalindrome(s));
        System.out.println(longest("babad") + " " + longest("forgeeksskeegfor") + " " + longest("abc"));
    }
}
