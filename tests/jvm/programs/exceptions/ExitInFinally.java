import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class ExitInFinally {

    public static void main(String[] args) {
        Runtime r = Runtime.getRuntime(); try { throw new RuntimeException(); } finally { System.out.println("bye"); System.exit(3); }
    }
}
