# mode: real
# The largest factorial that 16 bits can hold, of 8.
.intel_syntax noprefix
.code16
        mov ax, 1
        mov bx, 8
next:   mul bx
        dec bx
        jnz next
        mov [0x9000], ax
        hlt
