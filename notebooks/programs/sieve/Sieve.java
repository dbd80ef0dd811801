/** Count the primes below N: the sieve of Eratosthenes. */
public class Sieve {
    static int sieve(int n) {
        boolean[] crossed = new boolean[n];
        int primes = 0;
        for (int i = 2; i < n; i++) {
            if (crossed[i]) continue;
            primes++;
            for (long j = (long) i * i; j < n; j += i) crossed[(int) j] = true;
        }
        return primes;
    }

    public static void main(String[] args) {
        int n = args.length > 0 ? Integer.parseInt(args[0]) : 1000000;
        System.out.println(sieve(n) + " primes below " + n);
    }
}
