<?php
// Count the primes below N: the sieve of Eratosthenes.

function sieve(int $n): int
{
    $crossed = str_repeat("\0", max($n, 0));
    $primes = 0;
    for ($i = 2; $i < $n; $i++) {
        if ($crossed[$i] !== "\0") continue;
        $primes++;
        for ($j = $i * $i; $j < $n; $j += $i) $crossed[$j] = "\1";
    }
    return $primes;
}

$n = (int) ($argv[1] ?? 1000000);
echo sieve($n), " primes below ", $n, "\n";
