# mode: long
# Counts the primes below rdi, with one byte for each number from 0x10000 on; switches itself off.
.intel_syntax noprefix
.code64
        mov rsi, 0x10000
        xor rax, rax            # how many were found
        mov rcx, 2
number: cmp rcx, rdi
        jae done
        cmp byte ptr [rsi + rcx], 0
        jne following           # a multiple of a smaller one
        inc rax
        mov rdx, rcx
        imul rdx, rcx
strike: cmp rdx, rdi
        jae following
        mov byte ptr [rsi + rdx], 1
        add rdx, rcx
        jmp strike
following:
        inc rcx
        jmp number
done:   mov [0x9000], rax
        out 0xf4, al
