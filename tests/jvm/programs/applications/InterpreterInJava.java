import java.util.*;
import java.util.function.*;

/** A Forth in Java: an interpreter for our interpreter. */
public class InterpreterInJava {
    private final Deque<Long> stack = new ArrayDeque<>();
    private final Map<String, Runnable> words = new HashMap<>();
    private final StringBuilder out = new StringBuilder();
    private List<String> tokens; private int at;
    InterpreterInJava() {
        binary("+", Long::sum);
        binary("-", (a, b) -> a - b);
        binary("*", (a, b) -> a * b);
        binary("/", Math::floorDiv);
        binary("mod", Math::floorMod);
        binary("<", (a, b) -> a < b ? -1L : 0L);
        binary("=", (a, b) -> a.equals(b) ? -1L : 0L);
        binary("and", (a, b) -> a & b);
        binary("lshift", (a, b) -> a << b);
        words.put("dup", () -> stack.push(stack.peek()));
        words.put("drop", stack::pop);
        words.put("swap", () -> { long b = stack.pop(), a = stack.pop(); stack.push(b); stack.push(a); });
        words.put("over", () -> { Iterator<Long> it = stack.iterator(); it.next(); stack.push(it.next()); });
        words.put(".", () -> out.append(stack.pop()).append(' '));
        words.put("emit", () -> out.appendCodePoint(stack.pop().intValue()));
        words.put("cr", () -> out.append('\n'));
        words.put("depth", () -> stack.push((long) stack.size()));
    }
    private void binary(String name, BinaryOperator<Long> f) {
        words.put(name, () -> { Long b = stack.pop(); stack.push(f.apply(stack.pop(), b)); });
    }
    private Runnable compileUntil(String... ends) {
        List<Runnable> body = new ArrayList<>(); Set<String> stop = Set.of(ends);
        while (at < tokens.size()) {
            String token = tokens.get(at++);
            if (stop.contains(token)) { at--; break; }
            switch (token) {
                case "if" -> {
                    Runnable yes = compileUntil("else", "then"), no = () -> {
                    };
                    if (tokens.get(at++).equals("else")) {
                        no = compileUntil("then");
                        at++;
                    }
                    final Runnable otherwise = no;
                    body.add(() -> { if (stack.pop() != 0) yes.run(); else otherwise.run(); });
                }
                case "begin" -> {
                    Runnable loop = compileUntil("until");
                    at++;
                    body.add(() -> { do loop.run(); while (stack.pop() == 0); });
                }
                case ":" -> {
                    String name = tokens.get(at++);
                    Runnable[] self = new Runnable[1];
                    words.put(name, () -> self[0].run());
                    self[0] = compileUntil(";");
                    at++;
                }
                default -> {
                    if (token.matches("-?\\d+")) {
                        long n = Long.parseLong(token);
                        body.add(() -> stack.push(n));
                    } else if (token.startsWith("'") && token.length() == 2) {
                        body.add(() -> stack.push((long) token.charAt(1)));
                    } else body.add(() -> { Runnable w = words.get(token); if (w == null) throw new IllegalArgumentException(token + " ?"); w.run(); });
                }
            }
        }
        return () -> body.forEach(Runnable::run);
    }
    String run(String text) {
        out.setLength(0);
        tokens = Arrays.asList(text.trim().split("\\s+"));
        at = 0;
        try {
            compileUntil().run();
        } catch (IllegalArgumentException | NoSuchElementException e) {
            out.append("error: ").append(e.getMessage());
            stack.clear();
        } catch (NullPointerException e) {
            out.append("nothing there");
            stack.clear();
        }
        return out.toString();
    }
    public static void main(String[] args) {
        InterpreterInJava forth = new InterpreterInJava();
        for (String line : List.of("1 2 + 3 * .", ": square dup * ; 12 square .", ": fact dup 2 < if drop 1 else dup 1 - fact * then ; 20 fact . 21 fact .", "5 begin dup . 1 - dup 0 = until drop", "-7 2 / . -7 3 mod . 1 62 lshift .", "'h emit 'i emit cr", ": gcd dup 0 = if drop else swap over mod gcd then ; 1071 462 gcd .", "unknown", "+", ": fib dup 2 < if else dup 1 - fib swap 2 - fib + then ; 9 fib .", "depth ."))
            System.out.println(line + "  ->  " + forth.run(line));
    }
}
