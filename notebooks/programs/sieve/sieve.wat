;; Count the primes below N: the sieve of Eratosthenes.
;; A WebAssembly module has no system calls of its own: it exports a function, and its host prints the answer.
(module
  (memory (export "memory") 1)
  (func (export "sieve") (param $n i32) (result i32)
    (local $i i32) (local $j i64) (local $primes i32)
    ;; one byte for each number, 64 KiB a page
    (if (i32.lt_u (i32.shl (memory.size) (i32.const 16)) (local.get $n))
      (then (drop (memory.grow (i32.shr_u (i32.add (local.get $n) (i32.const 65535)) (i32.const 16))))))
    (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
    (local.set $i (i32.const 2))
    (block $done
      (loop $each
        (br_if $done (i32.ge_s (local.get $i) (local.get $n)))
        (if (i32.eqz (i32.load8_u (local.get $i)))
          (then
            (local.set $primes (i32.add (local.get $primes) (i32.const 1)))
            (local.set $j (i64.mul (i64.extend_i32_s (local.get $i)) (i64.extend_i32_s (local.get $i))))
            (block $crossed
              (loop $cross
                (br_if $crossed (i64.ge_s (local.get $j) (i64.extend_i32_s (local.get $n))))
                (i32.store8 (i32.wrap_i64 (local.get $j)) (i32.const 1))
                (local.set $j (i64.add (local.get $j) (i64.extend_i32_s (local.get $i))))
                (br $cross)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $each)))
    (local.get $primes)))
