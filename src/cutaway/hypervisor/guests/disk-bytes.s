# mode: protected
# Takes sector 0 of the disk byte by byte, and adds the bytes up.
.intel_syntax noprefix
.code32
        mov dx, 0x1f0           # which sector
        xor eax, eax
        out dx, eax
        xor ebx, ebx
        mov ecx, 512
        mov dx, 0x1fc           # data
next:   in al, dx
        movzx eax, al
        add ebx, eax
        loop next
        mov eax, ebx
        mov [0x9000], eax
        hlt
