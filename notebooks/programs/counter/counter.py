"""A page that counts its visitors, in Python: DATABASE_PORT says where the database is, PORT where the page will be."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

ADD_ONE = """
    INSERT INTO visits VALUES (%s, LAST_INSERT_ID(1)) ON DUPLICATE KEY UPDATE number = LAST_INSERT_ID(number + 1)
"""


def count(page: str) -> int:
    """Add one visit to `page` and return which visit it was. The database does both in one step."""
    database = pymysql.connect(
        host=os.environ.get("DATABASE_HOST", "127.0.0.1"),
        port=int(os.environ.get("DATABASE_PORT", "3306")),
        user="counter",
        password=os.environ.get("DATABASE_PASSWORD", "counter"),
        database="counter",
        autocommit=True,
    )
    with database, database.cursor() as cursor:
        cursor.execute(ADD_ONE, (page,))
        cursor.execute("SELECT LAST_INSERT_ID()")
        return cursor.fetchone()[0]


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"<p>Python says: you are visitor {count('/')}.</p>\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    address = os.environ.get("ADDRESS", "127.0.0.1"), int(os.environ.get("PORT", "8001"))
    ThreadingHTTPServer(address, Page).serve_forever()
