"""One image and two containers of it; the engine keeps both, and one kernel runs the engine and what it made."""

from cutaway.draw import Arrow, Drawing, container, engine, kernel, process, program

image = program("image", "files and settings", "never written to")
keeps = engine("engine", "keeps images and containers", image)
first = container("first", "a layer of its own", process("sleep 600", "number 1 inside"))
second = container("second", "a layer of its own", "exited: no process")
linux = kernel("Linux", "knows processes, and none of the other words", keeps, first, second)

drawing = Drawing(
    linux,
    title="One image, two containers",
    description=(
        "An engine, itself a process, keeps an image, which is files and settings and does not change. Two containers "
        "are made of it. Each has a layer of its own to write to. One runs, as a process of the same kernel; the other "
        "has exited."
    ),
    arrows=[Arrow(keeps, "makes, starts, stops, removes", first)],
)
