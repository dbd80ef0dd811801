import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Optionals {
    static Optional<Integer> find(int x) { return x > 0 ? Optional.of(x * x) : Optional.empty(); }
    public static void main(String[] args) {
        System.out.println(Optional.of(5).map(x -> x * 2).filter(x -> x > 5).orElse(0));
        System.out.println(Optional.<Integer>empty().map(x -> x * 2).isEmpty());
        System.out.println(Optional.ofNullable((String) null).or(() -> Optional.of("alt")).get());
        System.out.println(Optional.of("x").stream().count() + OptionalInt.of(3).getAsInt());
        System.out.println(Stream.of(Optional.of(1), Optional.<Integer>empty()).flatMap(Optional::stream).toList());
        System.out.println(Optional.of(1).equals(Optional.of(1)) + " " + Optional.of(1).hashCode() + Optional.empty().hashCode());
        System.out.println(find(4).map(Object::toString).orElseGet(() -> "none") + find(-1).orElse(9));
        System.out.println(OptionalDouble.of(2.5) + " " + OptionalInt.empty() + OptionalLong.of(5));
        try { Optional.empty().orElseThrow(); } catch (NoSuchElementException e) { System.out.println(e.getMessage()); } try { Optional.of(null); } catch (NullPointerException e) { System.out.println("npe"); } try { find(-1).orElseThrow(() -> new IllegalStateException("custom")); } catch (IllegalStateException e) { System.out.println(e.getMessage()); }
    }
}
