# mode: real
# Adds two and two, says so on the serial port, and keeps the sum.
.intel_syntax noprefix
.code16
        mov ax, 2
        add ax, 2
        mov [0x9000], ax
        mov bx, ax
        add al, '0'             # the digit
        mov dx, 0x3f8           # the serial port
        out dx, al
        mov ax, bx
        hlt
