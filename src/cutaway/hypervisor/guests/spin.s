# mode: real
# Never ends.
.intel_syntax noprefix
.code16
here:   jmp here
