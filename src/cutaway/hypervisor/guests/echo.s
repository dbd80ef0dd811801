# mode: real
# Reads what is typed, until a line ends, and says it in capitals.
.intel_syntax noprefix
.code16
        xor bx, bx              # how many letters
wait:   mov dx, 0x3fd           # line status
        in al, dx
        test al, 1              # has a byte come?
        jz wait
        mov dx, 0x3f8
        in al, dx
        cmp al, 10
        je done
        and al, 0xdf            # a capital
        out dx, al
        inc bx
        jmp wait
done:   mov ax, bx
        mov [0x9000], ax
        hlt
