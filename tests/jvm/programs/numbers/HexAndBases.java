import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class HexAndBases {

    public static void main(String[] args) {
        System.out.println(0xFF + 0b1011 + 017 + 1_000_000);
        System.out.println(0xFFFFFFFFL + " " + 0x7fff_ffff + " " + 0x1.8p3);
        System.out.println(Integer.toString(-255, 16) + Integer.toString(35, 36) + Long.toString(100, 3) + Integer.parseInt("-zz", 36));
        System.out.println(Integer.toHexString(-255) + Integer.toBinaryString(-8) + Integer.toOctalString(64));
        System.out.println(String.format("%08X %o %x", 48879, 8, 255L));
        System.out.println(Long.parseLong("7fffffffffffffff", 16) + Integer.decode("0x10") + Integer.decode("-010") + Integer.valueOf("77", 8));
        System.out.println(Double.toHexString(1.0) + Float.toHexString(-0.5f) + Double.parseDouble("0x1p-2"));
        System.out.println(Integer.reverseBytes(0x01020304) + " " + Long.reverse(1) + " " + Integer.lowestOneBit(88) + " " + Long.bitCount(-1L) + " " + Long.rotateRight(1, 1));
    }
}
