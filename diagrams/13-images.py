"""One image on its way: built once, kept under its digest, run on other machines."""

from cutaway.draw import Arrow, Drawing, container, engine, kernel, process

builds = engine("engine", "builds: a layer for each step", "names images by their digests")
registry = process("registry", "keeps each layer once", "tags lead to digests")
runs = engine("engine", "has the same bytes")
notes = container("notes")

drawing = Drawing(
    kernel("laptop", builds),
    registry,
    kernel("test, and so production", runs, notes),
    columns=3,
    title="One image, from laptop to production",
    description=(
        "The laptop's engine builds an image and pushes it to a registry, which keeps its layers and its configuration "
        "under their digests. The engines of test and of production pull it by one digest, and so their containers run "
        "the same bytes."
    ),
    arrows=[
        Arrow(builds, "push", registry),
        Arrow(runs, "pull, by digest", registry),
        Arrow(runs, "makes", notes),
    ],
)
