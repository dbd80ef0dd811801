public class Characters {
    public static void main(String[] args) {
        for (char c : "aZ5 _\n$é".toCharArray()) System.out.print(Character.isLetter(c) + "" + Character.isDigit(c) + Character.isLetterOrDigit(c) + Character.isWhitespace(c) + Character.isUpperCase(c) + Character.isAlphabetic(c) + (int) Character.toUpperCase(c) + Character.toLowerCase(c) + " ");
        System.out.println();
        System.out.println(Character.getNumericValue('9') + Character.digit('f', 16) + " " + Character.forDigit(11, 16) + " " + Character.toString('q') + " " + Character.valueOf('x').compareTo('z') + " " + (char) 97 + (int) 'A' + " " + Character.MAX_VALUE + 0);
        char c = 'a'; c++; c += 1; int i = c + 1; System.out.println(c + " " + i + " " + (char) i + " " + (c > 'b') + " " + (char) (c - 32));
        System.out.println(Character.isSpaceChar(' ') + " " + Character.isJavaIdentifierStart('$') + " " + Character.getType('A') + " " + Character.isSurrogate('x') + " " + Character.toChars(0x1F600).length + " " + Character.charCount(0x1F600));
        System.out.println(Character.isLetter('ж') + " " + Character.toUpperCase('ж') + " " + Character.isDigit('٣'));
    }
}
