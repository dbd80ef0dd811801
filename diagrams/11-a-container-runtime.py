"""An engine asks, a runtime makes: two processes, and what each of them does for a container."""

from cutaway.draw import Arrow, Drawing, container, engine, kernel, process

asks = engine("engine", "has images, names, networks")
runtime = process("runtime", "reads config.json", "is gone when the container runs")
first = process("first process", "furnishes its own namespaces", "then becomes the program")
box = container("container", first)
linux = kernel("Linux", asks, runtime, box)

drawing = Drawing(
    linux,
    title="Who makes a container",
    description=(
        "An engine writes a bundle and calls a runtime. The runtime has a first process born into new namespaces, "
        "which furnishes them from inside and then becomes the program. The kernel knows nothing of either word."
    ),
    arrows=[Arrow(asks, "a bundle", runtime), Arrow(runtime, "clone", first)],
)
