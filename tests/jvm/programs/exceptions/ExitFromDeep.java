import java.util.*;

public class ExitFromDeep {
    static class Custom extends Exception {
        private static final long serialVersionUID = 1;
        Custom(String m) {
            super(m);
        }
    }
    static final List<String> trace = new ArrayList<>();
    static void walk(Iterator<String> it) throws Custom {
        try { if (!it.hasNext()) throw new Custom("walked: " + trace); trace.add(it.next()); walk(it); }
        catch (Custom c) {
            if (trace.size() > 2) {
                trace.remove(trace.size() - 1);
                throw c;
            }
            throw new Custom(c.getMessage() + " left " + trace);
        }
        finally { System.out.println("unwinding " + trace.size()); }
    }
    public static void main(String[] args) throws Custom {
        System.err.println("to the other stream");
        Runtime.getRuntime();
        long before = System.nanoTime(); if (System.nanoTime() < before) System.exit(9);
        System.out.printf("%s %d%n", args.length == 0 ? "none" : args[0], System.lineSeparator().length());
        walk(List.of("a", "b", "c", "d").iterator());
        System.exit(3);
    }
}
