"""One image on its way: built once, kept under its digest, run on three machines."""

from cutaway.draw import Arrow, Drawing, container, engine, in_rows, process

laptop = engine("laptop's engine", "builds: a layer for each step", "names them by their digests")
registry = process("registry", "keeps each layer once", "tags lead to digests")
others = in_rows(engine("engines of test and production", container("test"), container("production")), 1)

drawing = Drawing(
    laptop,
    registry,
    others,
    columns=3,
    title="One image, from laptop to production",
    description=(
        "The laptop's engine builds an image and pushes it to a registry, which keeps its layers and its configuration "
        "under their digests. The engines of test and of production pull it by one digest and so run the same bytes."
    ),
    arrows=[
        Arrow(laptop, "push", registry),
        Arrow(others, "pull, by digest", registry),
    ],
)
