# mode: real
# Climbs by itself from real mode through protected mode to long mode, and says a letter on each floor.
.intel_syntax noprefix
.code16
        mov al, 'r'
        mov dx, 0x3f8
        out dx, al
        lgdt [table]            # descriptors of our own
        mov eax, cr0
        or al, 1                # PE
        mov cr0, eax
        jmp 0x08:protected

.code32
protected:
        mov ax, 0x10
        mov ds, ax
        mov ss, ax
        mov al, 'p'
        out dx, al
        mov eax, 0x20           # PAE
        mov cr4, eax
        mov eax, 0xc000         # the page tables that the machine has put there
        mov cr3, eax
        mov ecx, 0xc0000080     # EFER
        rdmsr
        or eax, 0x100           # LME
        wrmsr
        mov eax, cr0
        or eax, 0x80000000      # PG
        mov cr0, eax
        jmp 0x18:long

.code64
long:
        mov dx, 0x3f8
        mov al, 'l'
        out dx, al
        movabs rax, 0x0123456789abcdef
        mov [0x9000], rax
        hlt

gdt:    .quad 0
        .quad 0x00cf9b000000ffff
        .quad 0x00cf93000000ffff
        .quad 0x00af9b000000ffff
table:  .word 31
        .long gdt
