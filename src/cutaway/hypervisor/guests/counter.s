# mode: real
# Reads the counter at 0xd0000 three times, adds up, and sets it to 100.
.intel_syntax noprefix
.code16
        mov ax, 0xd000
        mov ds, ax              # real mode reaches it through a segment: 16 times 0xd000
        mov eax, [0]
        add eax, [0]
        add eax, [0]
        mov dword ptr [0], 100
        mov bx, 0
        mov ds, bx
        mov [0x9000], eax
        hlt
