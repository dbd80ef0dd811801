import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class UncaughtParse {

    public static void main(String[] args) {
        System.out.println("in"); Integer.parseInt("forty");
    }
}
