"""One sieve as machine code and, five times, as something that another program reads; one kernel under all of them."""

from cutaway.draw import Drawing, hardware, in_rows, interpreter, kernel, process, program, shared

machine_code = process("sieve", "machine code")
java = process("java", interpreter("Java virtual machine", program("Sieve.class", "bytecode")))
php = process("php", interpreter("PHP", program("sieve.php", "text")))
python = process("python", interpreter("CPython", program("sieve.py", "text")))
node = process("node", interpreter("V8", program("sieve.js", "text")))
wasm = process("python + wasmtime", interpreter("wasmtime", program("sieve.wasm", "bytecode")))
linux = kernel("Linux", "answers the system calls of all six", machine_code, java, php, python, node, wasm)

drawing = Drawing(
    hardware("one computer", "processors, memory, disks", shared(in_rows(linux, of=3))),
    title="One program, six ways",
    description=(
        "Six processes run on one kernel; in the first the processor executes the program itself, and in the other "
        "five it executes an interpreter, which reads the program as text or as bytecode."
    ),
)
