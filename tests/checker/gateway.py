"""The gateway from outside: starts a sandbox, signs personas in, and asks many things at once over plain sockets.

Plain, because a million answers are read: a request is bytes made once, an answer is its status and its body.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Sandbox:
    """`caregate sandbox` with a region folder of ours; ended when the `with` block is left."""

    def __init__(self, binary: Path, data: Path, state: Path, settings: dict[str, str]):
        self.binary, self.state = binary, state
        self.ready = state / "ready.json"
        command = [binary, "sandbox", "--port", "0", "--data", data, "--state", state, "--ready-file", self.ready]
        environment = {key: value for key, value in os.environ.items() if key != "RUST_LOG"} | settings
        self.log = open(state / "log.txt", "wb")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

    def __enter__(self):
        deadline = time.monotonic() + 60
        while not (self.ready.exists() and (text := self.ready.read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox did not start: {self.state / 'log.txt'}")
            time.sleep(0.02)
        self.addresses = json.loads(text)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def operator(self, *arguments: str):
        """What an operator does at the command line, such as `provider suspend`."""
        database = f"sqlite:{self.state / 'caregate.db'}"
        subprocess.run([self.binary, *arguments, "--database", database], check=True, stdout=subprocess.DEVNULL)


class Connection:
    """One kept-alive connection; what is sent is answered in order."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""

    def send(self, method: str, path: str, token: str = "", body: bytes = b"", kind="application/fhir+json"):
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        if body:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + body)

    def receive(self) -> tuple[int, bytes, bytes]:
        """Status, the head's bytes as they came, and the body."""
        while (end := self.held.find(b"\r\n\r\n")) < 0:
            self._more()
        head, self.held = self.held[:end], self.held[end + 4 :]
        found = LENGTH.search(head)
        if found is None:
            raise RuntimeError(f"an answer without a length: {head!r}")
        length = int(found[1])
        if len(self.held) < length:
            parts, have = [self.held], len(self.held)
            while have < length:
                parts.append(self._received())
                have += len(parts[-1])
            self.held = b"".join(parts)
        body, self.held = self.held[:length], self.held[length:]
        return int(head[9:12]), head, body

    def _more(self):
        self.held += self._received()

    def _received(self) -> bytes:
        if not (data := self.socket.recv(262144)):
            raise RuntimeError("the gateway hung up")
        return data


class Gateway:
    """One worker's connections and tokens."""

    def __init__(self, addresses: dict, connections: int):
        self.connections = [Connection(addresses["gateway"]) for _ in range(connections)]
        self.identity = Connection(addresses["identity"])
        self.tokens: dict[tuple, str] = {}

    def token(self, **wishes: str) -> str:
        """A token for a persona of the sandbox; the same one for the same wishes."""
        key = tuple(sorted(wishes.items()))
        if key not in self.tokens:
            form = urlencode({"grant_type": "persona", "expires_in": "36000"} | wishes).encode()
            self.identity.send("POST", "/token", body=form, kind="application/x-www-form-urlencoded")
            status, _, body = self.identity.receive()
            if status != 200:
                raise RuntimeError(f"no token for {wishes}: {body!r}")
            self.tokens[key] = json.loads(body)["access_token"]
        return self.tokens[key]

    def ask(self, method: str, path: str, token: str, body=None) -> tuple[int, bytes]:
        connection = self.connections[0]
        connection.send(method, f"/fhir/{path}", token, b"" if body is None else json.dumps(body).encode())
        status, _, answer = connection.receive()
        return status, answer

    def get_all(self, asked: list[tuple[str, str]]):
        """Answers each (path, token), in order, as many at once as there are connections."""
        width = len(self.connections)
        for start in range(0, len(asked), width):
            batch = asked[start : start + width]
            for connection, (path, token) in zip(self.connections, batch):
                connection.send("GET", f"/fhir/{path}", token)
            # all of them, before anyone who stops listening could leave an answer behind for the next
            yield from [connection.receive()[::2] for connection, _ in zip(self.connections, batch)]
