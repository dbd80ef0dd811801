# mode: long
# Counts rcx down to nothing: two instructions each time, and no exit until the end.
.intel_syntax noprefix
.code64
next:   dec rcx
        jnz next
        mov [0x9000], rcx
        mov rax, rcx
        out 0xf4, al
