"""A Java virtual machine that runs what `javac` made, on the class library of the Java that is installed.

Reading order:

1. `frames`, then `core` - the dispatch loop: the operand stack, a function for each family of instructions.
2. `heap` and `checks` - classes, methods, objects; what an instruction checks before it acts.
3. `machine` - loading, linking, initialising, resolving: everything round an engine.
4. `classfile`, `opcodes`, `verify` - bytes taken apart, and code proved harmless before it runs.
5. `spin` - lambdas, string concatenation and records: call sites that are made while the program runs.
6. `closures` - the same instructions, decoded once; then `compiled`, as Python: `translate` with `expressions` and
   `counters`, and `structure`.
7. `natives`, `decimals`, `image`, `explain`, `launcher` - the library's roots, and the edge to the world.
8. `watch` and `listing` - a run to look at, for panels and tests.

Left out, and said by name when a program asks for them: threads, reflection, files, sockets, dates in formats.
"""
