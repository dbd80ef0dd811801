import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class LibraryDesk {
    record Book(String title, String author, int year) {} static class Library { final Map<String, Book> books = new TreeMap<>(); final Map<String, String> loans = new HashMap<>(); void add(Book... bs) { for (Book b : bs) books.put(b.title(), b); } void lend(String t, String who) { if (!books.containsKey(t)) throw new NoSuchElementException("no book " + t); String had = loans.putIfAbsent(t, who); if (had != null) throw new IllegalStateException(t + " is with " + had); } void giveBack(String t) { loans.remove(t); } List<String> available() { return books.keySet().stream().filter(t -> !loans.containsKey(t)).toList(); } Map<Integer, List<String>> byDecade() { return books.values().stream().collect(Collectors.groupingBy(b -> b.year() / 10 * 10, TreeMap::new, Collectors.mapping(Book::title, Collectors.toList()))); } List<Book> search(Predicate<Book> p) { return books.values().stream().filter(p).collect(Collectors.toList()); } }
    public static void main(String[] args) {
        Library lib = new Library(); lib.add(new Book("1984", "Orwell", 1949), new Book("Emma", "Austen", 1815), new Book("Dune", "Herbert", 1965)); lib.lend("Emma", "kim"); try { lib.lend("Emma", "lee"); } catch (IllegalStateException e) { System.out.println(e.getMessage()); } try { lib.lend("Ulysses", "lee"); } catch (NoSuchElementException e) { System.out.println(e.getMessage()); } System.out.println(lib.available() + " " + lib.loans); lib.giveBack("Emma"); System.out.println(lib.available().size() + " " + lib.byDecade() + lib.search(b -> b.year() < 1950)); int[][] seats = new int[3][4]; seats[1][2] = 1; for (int[] r : seats) { for (int s : r) System.out.print(s == 0 ? "O " : "X "); System.out.println(); }
    }
}
