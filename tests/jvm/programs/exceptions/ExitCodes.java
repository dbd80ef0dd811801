public class ExitCodes { public static void main(String[] args) { System.out.println("out"); System.err.println("err"); try { System.exit(7); } finally { System.out.println("never"); } } }
