"""A page that counts its visitors, in Python. What it needs to know, such as DATABASE_HOST, its environment says."""

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pymysql

ADD_ONE = """
    INSERT INTO visits (page, number) VALUES (%s, LAST_INSERT_ID(1))
    ON DUPLICATE KEY UPDATE number = LAST_INSERT_ID(number + 1)
"""
PATIENCE_S, TRY_S = 5, 1  # for a database that is about to start, and for one attempt to reach it
LOOK_S = 0.1  # between two looks whether we are to end
BUSY = "<p>The database does not answer. Please try again.</p>\n"


def setting(name: str, otherwise: str) -> str:
    """What the variable `name` says; of a secret, what is in the file that `name`_FILE names."""
    file = os.environ.get(f"{name}_FILE")
    return Path(file).read_text().strip() if file else os.environ.get(name, otherwise)


def connected(patience_s: float = PATIENCE_S) -> pymysql.Connection:
    """A connection to the database. Nothing was asked yet, so it is safe to try again, which a statement is not."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return pymysql.connect(
                host=setting("DATABASE_HOST", "127.0.0.1"),
                port=int(setting("DATABASE_PORT", "3306")),
                user="counter",
                password=setting("DATABASE_PASSWORD", "counter"),
                database="counter",
                autocommit=True,
                connect_timeout=TRY_S,
                read_timeout=PATIENCE_S,
            )
        except pymysql.err.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def count(page: str) -> int:
    """Add one visit to `page` and return which visit it was. The database does both in one step."""
    with connected() as database, database.cursor() as cursor:
        cursor.execute(ADD_ONE, (page,))
        cursor.execute("SELECT LAST_INSERT_ID()")
        return cursor.fetchone()[0]


def visited() -> str:
    """What a visitor reads."""
    return f"<p>Python says: you are visitor {count('/')}.</p>\n"


def ready() -> str:
    """What is answered to whoever asks whether visitors may come; nothing is counted."""
    connected(patience_s=0).close()
    return "ready\n"


ANSWERS = {"/": visited, "/ready": ready}


class Page(BaseHTTPRequestHandler):
    wbufsize = -1  # header and body go out as one: if we are killed, a proxy has all of an answer or may ask elsewhere

    def do_GET(self) -> None:
        try:
            known = self.path in ANSWERS
            status, text = (200, ANSWERS[self.path]()) if known else (404, "<p>No such page.</p>\n")
        except pymysql.err.MySQLError as problem:
            print(problem, flush=True)
            status, text = 503, BUSY
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *words: object) -> None:
        print(form % words, flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that, at the end, whoever is being answered is answered
    timeout = 0  # of handle_request, which answers whoever has called and waits for nobody

    def shutdown(self) -> None:
        """Take nobody any more, but for those who have called already: they wait in the kernel's queue."""
        super().shutdown()
        for _ in range(self.request_queue_size + 1):  # Linux lets one more in
            self.handle_request()


if __name__ == "__main__":
    told_to_end = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, told_to_end)  # they are kept until we ask, and interrupt nothing
    with Server((setting("ADDRESS", "127.0.0.1"), int(setting("PORT", "8001"))), Page) as server:
        threading.Thread(target=server.serve_forever, args=[LOOK_S]).start()
        signal.sigwait(told_to_end)
        server.shutdown()
