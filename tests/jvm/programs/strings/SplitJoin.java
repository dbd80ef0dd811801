import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class SplitJoin {

    public static void main(String[] args) {
        System.out.println(Arrays.toString("a,b;c d".split("[,; ]")));
        System.out.println(Arrays.toString("1--2---3".split("-+")) + Arrays.toString("".split(",")) + Arrays.toString(",a,,".split(",")) + Arrays.toString("x,y,".split(",", -1)));
        System.out.println(Arrays.toString("a|b".split("\\|")) + Arrays.toString("a.b".split("\\.")) + Arrays.toString("k=v=w".split("=", 2)) + " x y ".split(" ").length);
        System.out.println(String.join("", "a", "b") + String.join(", ", new ArrayList<>(List.of("p"))) + Stream.of("a").collect(Collectors.joining(",", "<", ">")));
        System.out.println(new StringJoiner("/").add("x").add("y") + "" + Arrays.asList("q", "r") + Arrays.stream("3 1 2".split(" ")).mapToInt(Integer::parseInt).sorted().boxed().toList());
        System.out.println("line1\nline2\r\nline3".split("\\R").length + "a1b2".replaceAll("\\d", "") + "CamelCaseText".split("(?=[A-Z])").length + "aXbX".split("X").length);
        System.out.println("key: value".substring("key: value".indexOf(':') + 1).strip() + "path/to/file.txt".substring("path/to/file.txt".lastIndexOf('/') + 1) + "%s=%d;".repeat(2).formatted("a", 1, "b", 2));
    }
}
