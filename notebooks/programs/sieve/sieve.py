"""Count the primes below N: the sieve of Eratosthenes."""

import sys


def sieve(n: int) -> int:
    crossed = bytearray(n)
    primes = 0
    for i in range(2, n):
        if crossed[i]:
            continue
        primes += 1
        for j in range(i * i, n, i):
            crossed[j] = 1
    return primes


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(sieve(n), "primes below", n)
