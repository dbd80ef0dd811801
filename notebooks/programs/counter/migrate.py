"""Give the database's tables the form that this version of the page needs: each file of migrations/ once, in order."""

from pathlib import Path

import counter

PATIENCE_S = 60  # a database that makes its first files takes longer than one that starts
LEDGER = "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(100) PRIMARY KEY)"


def migrate(folder: Path) -> None:
    """Apply what was not applied before.

    MariaDB cannot take back a changed table. If we are killed between a file and its note, the file is applied again:
    so each says IF NOT EXISTS. And of two who come at the same time, one waits.
    """
    with counter.connected(PATIENCE_S) as database, database.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('migrations', %s)", (PATIENCE_S,))
        cursor.execute(LEDGER)
        cursor.execute("SELECT name FROM migrations")
        applied = {name for (name,) in cursor}
        for file in sorted(folder.glob("*.sql")):
            if file.name not in applied:
                cursor.execute(file.read_text())
                cursor.execute("INSERT INTO migrations VALUES (%s)", (file.name,))
                print("applied", file.name, flush=True)


if __name__ == "__main__":
    migrate(Path(__file__).with_name("migrations"))
