import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class ExitZero {

    public static void main(String[] args) {
        for (int i = 0; ; i++) if (i == 5) { System.out.print("five"); System.exit(0); }
    }
}
