# mode: long
# Does what no processor knows, and has nobody to tell.
.intel_syntax noprefix
.code64
        mov eax, 7
        ud2
