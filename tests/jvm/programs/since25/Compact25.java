import module java.base;

int calls = 0;

record Pair(int a, int b) {}

class Base { final int n; Base(int n) { this.n = n; } }
class Derived extends Base { final int m; Derived(int x) { int doubled = x * 2; m = doubled; super(doubled + 1); } }

String greet(String who) { calls++; return "Hello, " + who; }

void main() {
    IO.println(greet("world") + " " + calls);
    IO.print("no newline;"); IO.println();
    IO.println(new Derived(4).n + " " + new Pair(1, 2));
    if (new Pair(3, 4) instanceof Pair(var a, _)) IO.println(a);
    List<Integer> windows = List.of(1, 2, 3, 4, 5);
    IO.println(windows.stream().gather(Gatherers.windowFixed(2)).toList());
    try { Integer.parseInt("x"); } catch (NumberFormatException _) { IO.println("unnamed"); }
    IO.println("line: " + IO.readln());
}
