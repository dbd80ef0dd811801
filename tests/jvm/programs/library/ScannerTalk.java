import java.util.*;

public class ScannerTalk {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        System.out.println("name: " + in.nextLine().trim());
        int n = in.nextInt();
        long big = in.nextLong();
        double d = in.nextDouble();
        boolean b = in.nextBoolean();
        System.out.println(n + " " + big + " " + d + " " + b + " [" + in.nextLine() + "]");
        System.out.println("[" + in.nextLine() + "]");
        int sum = 0;
        while (in.hasNextInt()) sum += in.nextInt();
        System.out.println("sum " + sum + " then " + in.next() + " " + in.hasNextInt());
        try {
            in.nextInt();
        } catch (InputMismatchException e) {
            System.out.println("mismatch " + e.getMessage() + " " + in.next());
        }
        System.out.println(in.nextInt(16) + " " + in.next("[a-z]+\\d"));
        in.useDelimiter("[,;]\\s*|\\n");
        List<String> parts = new ArrayList<>();
        while (in.hasNext()) { String p = in.next(); if (p.equals("END")) break; parts.add(p); }
        System.out.println(parts);
        in.reset();
        in.nextLine();
        while (in.hasNextLine()) {
            String line = in.nextLine();
            if (line.isEmpty()) continue;
            Scanner words = new Scanner(line);
            int c = 0;
            while (words.hasNext()) {
                words.next();
                c++;
            }
            System.out.println(c + ": " + line);
        }
        try { in.nextLine(); } catch (NoSuchElementException e) { System.out.println(e.getMessage()); }
        in.close();
        try { in.next(); } catch (IllegalStateException e) { System.out.println(e.getMessage()); }
    }
}
