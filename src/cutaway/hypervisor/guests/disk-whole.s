# mode: protected
# Has sector 0 of the disk put into memory at once, and adds its bytes up.
.intel_syntax noprefix
.code32
        mov dx, 0x1f0           # which sector
        xor eax, eax
        out dx, eax
        mov dx, 0x1f4           # to which address
        mov eax, 0xa000
        out dx, eax
        mov dx, 0x1f8           # fetch
        mov eax, 1
        out dx, eax
        xor ebx, ebx
        mov ecx, 512
        mov esi, 0xa000
next:   lodsb
        movzx eax, al
        add ebx, eax
        loop next
        mov eax, ebx
        mov [0x9000], eax
        hlt
