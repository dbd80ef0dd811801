import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Inventory {
    record Item(String name, int qty, double price) { Item { Objects.requireNonNull(name); } double total() { return qty * price; } static Item parse(String s) { String[] p = s.split(","); return new Item(p[0], Integer.parseInt(p[1]), Double.parseDouble(p[2])); } }
    public static void main(String[] args) {
        List<Item> items = new ArrayList<>(); for (String row : "apple,3,0.5;pear,0,0.75;melon,2,3.2;bad row;grape,x,1".split(";")) { try { items.add(Item.parse(row)); } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) { System.out.println("skip " + row + ": " + e.getClass().getSimpleName()); } } items.sort(Comparator.comparing(Item::total).reversed()); System.out.println(String.format("%-10s|%5s|%8s", "name", "qty", "total")); System.out.println("-".repeat(25)); for (Item i : items) System.out.println(String.format("%-10s|%5d|%8.2f", i.name(), i.qty(), i.total())); System.out.println(items.stream().filter(i -> i.qty() == 0).map(Item::name).collect(Collectors.joining(",", "out: ", "."))); Iterator<Item> it = items.iterator(); while (it.hasNext()) if (it.next().qty() == 0) it.remove(); System.out.println(items.size() + " " + items.get(0));
    }
}
