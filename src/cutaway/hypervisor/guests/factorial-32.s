# mode: protected
# The largest factorial that 32 bits can hold, of 12.
.intel_syntax noprefix
.code32
        mov eax, 1
        mov ebx, 12
next:   mul ebx
        dec ebx
        jnz next
        mov [0x9000], eax
        hlt
