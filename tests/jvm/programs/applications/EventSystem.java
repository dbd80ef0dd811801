import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class EventSystem {
    sealed interface Event permits Created, Deleted {} record Created(String name) implements Event {} record Deleted(int id, boolean soft) implements Event {} static class Bus { private final Map<Class<?>, List<Consumer<Event>>> hs = new LinkedHashMap<>(); @SuppressWarnings("unchecked") <T extends Event> void on(Class<T> c, Consumer<? super T> h) { hs.computeIfAbsent(c, k -> new ArrayList<>()).add(e -> h.accept((T) e)); } void fire(Event e) { hs.forEach((c, l) -> { if (c.isInstance(e)) l.forEach(h -> h.accept(e)); }); } } interface Observer { void update(int v); } static class Subject { private final List<Observer> os = new ArrayList<>(); void attach(Observer o) { os.add(o); } void detach(Observer o) { os.remove(o); } void set(int v) { for (Observer o : os) o.update(v); } }
    public static void main(String[] args) {
        Bus bus = new Bus(); List<String> log = new ArrayList<>(); bus.on(Created.class, e -> log.add("created " + e.name())); bus.on(Deleted.class, e -> log.add("deleted " + e.id() + (e.soft() ? " softly" : ""))); bus.on(Event.class, e -> log.add("any")); bus.fire(new Created("x")); bus.fire(new Deleted(4, true)); System.out.println(log); Subject sub = new Subject(); Observer a = v -> System.out.println("A saw " + v); sub.attach(a); sub.attach(new Observer() { int n; public void update(int v) { n += v; System.out.println("B total " + n); } }); sub.set(5); sub.set(7); sub.detach(a); sub.set(1); Deque<Runnable> undo = new ArrayDeque<>(); StringBuilder doc = new StringBuilder("ab"); for (String s : List.of("c", "d")) { doc.append(s); undo.push(() -> doc.setLength(doc.length() - 1)); } undo.pop().run(); System.out.println(doc);
    }
}
