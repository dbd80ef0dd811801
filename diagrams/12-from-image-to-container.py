"""One image and two containers of it; the engine keeps both, and the kernel runs the containers' processes."""

from cutaway.draw import Arrow, Drawing, container, engine, in_rows, kernel, process, program

image = program("image", "files and settings", "never written to")
keeps = in_rows(engine("engine", "keeps images and containers", image), 1)
first = container("first", "a layer of its own", process("sleep 600", "number 1 inside"))
second = container("second", "a layer of its own", "exited: no process")
linux = in_rows(kernel("Linux", "knows processes, and neither of the other words", first, second), 2)

drawing = Drawing(
    keeps,
    linux,
    columns=2,
    title="One image, two containers",
    description=(
        "An engine keeps an image, which is files and settings and does not change. Two containers are made of it. "
        "Each has a layer of its own to write to. One runs, as a process of the kernel; the other has exited."
    ),
    arrows=[Arrow(keeps, "makes, starts, stops, removes", linux)],
)
