"""*counter*, a page that counts its visitors in a database: from one source as processes, as containers, by compose.

Reading order: processes (lesson 01), images, containers (lesson 14), composed, visitors. The source itself is content:
`notebooks/programs/counter`.
"""

from cutaway.ground.counter.processes import (
    DEADLINE_S,
    LANGUAGES,
    Database,
    Page,
    database,
    free_port,
    install_command,
    page,
    page_command,
    pages,
    serve_command,
    sources,
)

__all__ = [
    "DEADLINE_S",
    "LANGUAGES",
    "Database",
    "Page",
    "database",
    "free_port",
    "install_command",
    "page",
    "page_command",
    "pages",
    "serve_command",
    "sources",
]
