# mode: user
# Tries to halt the machine without the right to.
.intel_syntax noprefix
.code64
        mov eax, 7
        hlt
