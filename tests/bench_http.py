"""Completions over real HTTP: a server process of its own, several clients with session and CSRF token."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import waitress

from app import SERVER_THREADS, create_app
from workflows.business_calendar import FrozenClock

PASSWORD = "Bench-Passwort-2026"
LOGIN = "gaojingban"
CLIENTS = 4
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Measured:
    """What the clients saw."""

    per_second: float
    p95: float
    errors: int
    clients: int


def serve(folder: Path, at: str, port: int) -> None:
    """Serve the bench's database until killed."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app = create_app({
        "INSTANCE_PATH": str(folder), "SQLALCHEMY_DATABASE_URI": os.environ["DATABASE_URL"],
        "CLOCK": FrozenClock(datetime.fromisoformat(at)),
    })
    waitress.serve(app, host=HOST, port=port, threads=SERVER_THREADS, ident=None, _quiet=True)


class Client:
    """One signed-in browser without a browser."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection(HOST, port, timeout=30)
        self.cookies: dict[str, str] = {}
        self.token = ""

    def request(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, body, {"Cookie": cookie, **headers})
        response = self.connection.getresponse()
        text = response.read().decode(errors="replace")
        for header in response.headers.get_all("Set-Cookie") or []:
            name, value = header.split(";", 1)[0].split("=", 1)
            self.cookies[name] = value
        if found := re.search(r'name="csrf-token" content="([^"]+)"', text):
            self.token = found[1]
        return response.status, text

    def sign_in(self) -> None:
        self.request("GET", "/login")
        form = urlencode({"login": LOGIN, "password": PASSWORD, "csrf_token": self.token})
        status, text = self.request("POST", "/login", form, **{"Content-Type": "application/x-www-form-urlencoded"})
        if status not in (302, 303):
            raise RuntimeError(f"could not sign in: {status} {text[:300]}")
        self.request("GET", "/notices")

    def complete(self, seat: int, values: dict[str, Any]) -> int:
        body = json.dumps({"outcome": "complete", "data": values})
        return self.request("POST", f"/tasks/{seat}/complete", body, **{"Content-Type": "application/json", "X-CSRFToken": self.token})[0]


def measure(folder: Path, at: datetime, seats: list[int], values: dict[str, Any]) -> Measured:
    """Complete `seats` through a server process with several clients at once."""
    port = 5000 + (time.perf_counter_ns() % 2000) + 1000
    server = subprocess.Popen([sys.executable, "-m", "tests.bench_http", str(folder), at.isoformat(), str(port)])
    try:
        clients = [_client(port) for _ in range(CLIENTS)]
        return _run(clients, seats, values)
    finally:
        server.kill()
        server.wait()


def _client(port: int) -> Client:
    for _ in range(200):
        try:
            client = Client(port)
            client.sign_in()
            return client
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise RuntimeError("the server did not start")


def _run(clients: list[Client], seats: list[int], values: dict[str, Any]) -> Measured:
    times: list[float] = []
    errors: list[int] = []

    def work(client: Client, mine: list[int]) -> None:
        for seat in mine:
            started = time.perf_counter()
            status = client.complete(seat, values)
            times.append((time.perf_counter() - started) * 1000)
            if status != 200:
                errors.append(status)

    threads = [threading.Thread(target=work, args=(client, seats[number :: len(clients)])) for number, client in enumerate(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Measured(len(seats) / (time.perf_counter() - started), statistics.quantiles(times, n=20)[-1], len(errors), len(clients))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
