"""Three containers that make one application, what joins them, and what is kept when they go."""

from cutaway.draw import Arrow, Drawing, container, hardware, kernel, process

proxy = container("proxy", process("nginx"))
page = container("web", process("counter.py"))
database = container("database", process("mariadbd"))
disk = hardware("disk", "the volume visits", "outlives the containers")
browser = process("browser")
linux = kernel("Linux", proxy, page, database)

drawing = Drawing(
    browser,
    linux,
    disk,
    columns=3,
    title="A web application of three containers",
    description=(
        "A browser calls a published port, behind which a reverse proxy runs in a container. The proxy asks the page "
        "in a second container by its name, and the page asks the database in a third. The database writes to a "
        "volume, a folder on the disk, which is there before the containers and after them."
    ),
    arrows=[
        Arrow(browser, "a published port", proxy),
        Arrow(proxy, "web:8000", page),
        Arrow(page, "database:3306", database),
        Arrow(database, "/var/lib/mysql", disk),
    ],
)
