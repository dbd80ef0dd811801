import java.util.*;
import java.util.stream.*;

public class SealedShapes {
    sealed interface Expr permits Num, Add, Mul, Neg, Let, Var {}
    record Num(long value) implements Expr {}
    record Add(Expr left, Expr right) implements Expr {}
    record Mul(Expr left, Expr right) implements Expr {}
    record Neg(Expr inner) implements Expr {}
    record Let(String name, Expr value, Expr body) implements Expr {}
    record Var(String name) implements Expr {}
    static abstract sealed class Token {
        static final class Word extends Token {
            final String text;
            Word(String t) {
                text = t;
            }
        }
        static non-sealed class Sign extends Token {
            char c;
        }
    }

    static long eval(Expr e, Map<String, Long> env) {
        if (e instanceof Num n) return n.value();
        if (e instanceof Add a) return Math.addExact(eval(a.left(), env), eval(a.right(), env));
        if (e instanceof Mul m) return Math.multiplyExact(eval(m.left(), env), eval(m.right(), env));
        if (e instanceof Neg n) return -eval(n.inner(), env);
        if (e instanceof Let l) {
            Map<String, Long> inner = new HashMap<>(env);
            inner.put(l.name(), eval(l.value(), env));
            return eval(l.body(), inner);
        }
        if (e instanceof Var v) return Optional.ofNullable(env.get(v.name())).orElseThrow(() -> new NoSuchElementException("unbound " + v.name()));
        throw new AssertionError();
    }
    static String show(Expr e) {
        return e instanceof Num n ? (n.value() < 0 ? "(" + n.value() + ")" : "" + n.value())
            : e instanceof Add a ? show(a.left()) + " + " + show(a.right())
            : e instanceof Mul m ? Stream.of(m.left(), m.right()).map(p -> p instanceof Add ? "(" + show(p) + ")" : show(p)).collect(Collectors.joining(" * "))
            : e instanceof Neg n ? "-" + show(n.inner()) : e instanceof Let l ? "let " + l.name() + " = " + show(l.value()) + " in " + show(l.body()) : ((Var) e).name();
    }
    static Expr simplify(Expr e) {
        if (e instanceof Add a) {
            Expr l = simplify(a.left()), r = simplify(a.right());
            if (l instanceof Num x && r instanceof Num y) return new Num(x.value() + y.value());
            return l.equals(new Num(0)) ? r : r.equals(new Num(0)) ? l : new Add(l, r);
        }
        if (e instanceof Mul m) {
            Expr l = simplify(m.left()), r = simplify(m.right());
            if (l.equals(new Num(0)) || r.equals(new Num(0))) return new Num(0);
            return l.equals(new Num(1)) ? r : r.equals(new Num(1)) ? l : new Mul(l, r);
        }
        return e instanceof Neg n && simplify(n.inner()) instanceof Num x ? new Num(-x.value()) : e;
    }
    public static void main(String[] args) {
        Expr e = new Let("x", new Add(new Num(2), new Num(3)), new Mul(new Var("x"), new Add(new Var("x"), new Neg(new Num(-4)))));
        System.out.println(show(e) + " = " + eval(e, Map.of()));
        System.out.println(e);
        System.out.println(simplify(new Add(new Mul(new Num(1), new Var("y")), new Mul(new Num(0), e))) + " " + simplify(new Neg(new Add(new Num(1), new Num(2)))));
        try { eval(new Var("q"), Map.of()); } catch (NoSuchElementException x) { System.out.println(x.getMessage()); }
        try {
            eval(new Mul(new Num(Long.MAX_VALUE), new Num(2)), Map.of());
        } catch (ArithmeticException x) {
            System.out.println(x.getMessage());
        }
        Set<Expr> seen = new LinkedHashSet<>(List.of(new Num(1), new Var("a"), new Neg(new Num(1))));
        System.out.println(seen.contains(new Neg(new Num(1))) + " " + seen.add(new Num(1)) + " " + seen.size() + " " + new Num(5).hashCode());
        Token t = new Token.Word("w");
        System.out.println(t instanceof Token.Word w && w.text.length() == 1 ? w.text + "!" : "no");
        Expr deep = new Num(0);
        for (int i = 0; i < 800; i++) deep = new Add(deep, new Num(i));
        System.out.println(eval(deep, Map.of()) + " " + show(deep).length());
    }
}
