import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class ClassObjects {
    static class Inner {} enum Color { RED, BLUE } record Rec(int a) {}
    public static void main(String[] args) {
        System.out.println(String.class.getName() + int[].class.getName() + Map.Entry.class.getName() + Inner.class.getSimpleName());
        System.out.println(new Inner().getClass() + " " + Inner.class.getSuperclass().getName() + Inner.class.isInstance(new Inner()) + Runnable.class.isInterface());
        System.out.println(Object.class.getSuperclass() + " " + int.class + void.class + Integer.TYPE + String[][].class.getSimpleName() + boolean[].class.getComponentType());
        System.out.println(new Inner().getClass() == Inner.class);
        System.out.println(((Object) "s").getClass().getName() + ((Object) 1).getClass().getSimpleName() + new ArrayList<>().getClass().getName() + Color.RED.getClass());
        System.out.println(Color.class.isEnum() + " " + Rec.class.isRecord() + Color.class.getEnumConstants().length + Number.class.isAssignableFrom(Integer.class) + Integer.class.cast(5) + String.class.getPackageName());
        System.out.println(Thread.currentThread().getName() + System.getenv("NOPE_NOT_SET") + System.getProperty("no.such", "d") + new int[0].getClass().isArray());
        System.out.println(Inner.class.hashCode() == Inner.class.hashCode());
        System.out.println(Inner.class.toString() + Runnable.class + int[].class + Inner.class.getTypeName() + String[].class.getTypeName() + Inner.class.getCanonicalName());
    }
}
