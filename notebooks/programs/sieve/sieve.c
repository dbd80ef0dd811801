/* Count the primes below N: the sieve of Eratosthenes. */
#include <stdio.h>
#include <stdlib.h>

static int sieve(int n) {
    char *crossed = calloc(n > 0 ? n : 1, 1);
    int primes = 0;
    if (!crossed) exit(1);
    for (int i = 2; i < n; i++) {
        if (crossed[i]) continue;
        primes++;
        for (long j = (long)i * i; j < n; j += i) crossed[j] = 1;
    }
    free(crossed);
    return primes;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 1000000;
    printf("%d primes below %d\n", sieve(n), n);
    return 0;
}
