// Count the primes below N: the sieve of Eratosthenes.

function sieve(n) {
  const crossed = new Uint8Array(n);
  let primes = 0;
  for (let i = 2; i < n; i++) {
    if (crossed[i]) continue;
    primes++;
    for (let j = i * i; j < n; j += i) crossed[j] = 1;
  }
  return primes;
}

const n = Number(process.argv[2] ?? 1000000);
console.log(`${sieve(n)} primes below ${n}`);
