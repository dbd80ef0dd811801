public class Ciphers {
    static String caesar(String s, int k) { StringBuilder sb = new StringBuilder(); for (char c : s.toCharArray()) { if (Character.isUpperCase(c)) sb.append((char) ('A' + Math.floorMod(c - 'A' + k, 26))); else if (Character.isLowerCase(c)) sb.append((char) ('a' + Math.floorMod(c - 'a' + k, 26))); else sb.append(c); } return sb.toString(); }
    static String vigenere(String s, String key) { String r = ""; for (int i = 0; i < s.length(); i++) r += (char) ((s.charAt(i) - 'A' + key.charAt(i % key.length()) - 'A') % 26 + 'A'); return r; }
    static String rle(String s) { StringBuilder b = new StringBuilder(); for (int i = 0; i < s.length();) { int j = i; while (j < s.length() && s.charAt(j) == s.charAt(i)) j++; b.append(s.charAt(i)).append(j - i); i = j; } return b.toString(); }
    static String toBinary(int n) { return n == 0 ? "" : toBinary(n / 2) + n % 2; }
    public static void main(String[] args) {
        String e = caesar("Hello, World!", 3); System.out.println(e + " " + caesar(e, -3) + " " + caesar("xyz", 29));
        System.out.println(vigenere("ATTACKATDAWN", "LEMON") + " " + rle("aaabccdddd") + " " + toBinary(37));
        String[] roman = {"M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"}; int[] vals = {1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1};
        for (int n : new int[] {1994, 2024, 49, 3999}) { int m = n; String r = ""; for (int i = 0; i < vals.length; i++) while (m >= vals[i]) { r += roman[i]; m -= vals[i]; } System.out.print(r + " "); }
        System.out.println();
        StringBuilder morse = new StringBuilder(); String[] codes = {".-", "-...", "-.-."}; for (char c : "abcab".toCharArray()) morse.append(codes[c - 'a']).append(' '); System.out.println(morse.toString().trim());
        int[] freq = new int[26]; for (char c : "the quick brown fox jumps over the lazy dog".toCharArray()) if (c >= 'a' && c <= 'z') freq[c - 'a']++; for (int i = 0; i < 26; i++) if (freq[i] > 1) System.out.print((char) (i + 'a') + "" + freq[i] + " "); System.out.println();
    }
}
