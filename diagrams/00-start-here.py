"""The layers under a notebook's cell."""

from cutaway.draw import Arrow, Drawing, hardware, interpreter, kernel, process, program, shared

browser = process("browser", "shows this page")
server = process("JupyterLab", "keeps the files")
python = process("python", "a Jupyter kernel", interpreter("CPython", program("this cell", "you are here")))

drawing = Drawing(
    hardware(
        "one computer", shared(kernel("Linux", "starts, stops and serves every process", browser, server, python))
    ),
    title="The layers under this cell",
    description=(
        "A cell is carried out by an interpreter, the interpreter is a process, and one kernel serves it beside the "
        "browser that shows this page and the server that keeps it."
    ),
    arrows=[Arrow(browser, "a port", server), Arrow(server, "messages", python)],
)
