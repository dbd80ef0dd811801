import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class StateMachine {
    enum Light { RED(30) { Light next() { return GREEN; } }, GREEN(25) { Light next() { return YELLOW; } }, YELLOW(5) { Light next() { return RED; } }; final int seconds; Light(int s) { seconds = s; } abstract Light next(); } static class Vending { enum State { LOCKED, UNLOCKED } State s = State.LOCKED; int sold; String handle(String e) { switch (s) { case LOCKED: if (e.equals("coin")) { s = State.UNLOCKED; return "unlock"; } return "blocked"; case UNLOCKED: if ("push".equals(e)) { s = State.LOCKED; sold++; return "sold"; } return "refund"; default: throw new AssertionError(); } } }
    public static void main(String[] args) {
        Light l = Light.RED; for (int i = 0; i < 5; i++) { System.out.print(l + "(" + l.seconds + ") "); l = l.next(); } System.out.println(); Vending v = new Vending(); for (String cmd : "coin push push coin coin push".split(" ")) System.out.print(v.handle(cmd) + " "); System.out.println(v.sold); Map<String, Map<Character, String>> dfa = Map.of("even", Map.of('0', "even", '1', "odd"), "odd", Map.of('0', "odd", '1', "even")); for (String s : List.of("1011", "1", "0000", "11")) { String st = "even"; for (char c : s.toCharArray()) st = dfa.get(st).get(c); System.out.print(s + ":" + st + " "); } System.out.println();
    }
}
