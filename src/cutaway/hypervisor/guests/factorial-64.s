# mode: long
# The largest factorial that 64 bits can hold, of 20.
.intel_syntax noprefix
.code64
        mov rax, 1
        mov rbx, 20
next:   mul rbx
        dec rbx
        jnz next
        mov [0x9000], rax
        hlt
