"""The world outside the chips, for tests in Python: the run's control socket (docs/control.md).

`World` pulls inputs, looks at outputs and unplugs chips; `World.events` tells what programs do to
lines, so that a test waits for that and never sleeps.
"""

import contextlib
import json
import os
import socket

LIMIT = 60  # seconds after which a thing that must happen counts as not happening


class Connection:
    """One connection to the run: requests, and events once they were asked for."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(os.environ["UGPIO_SOCKET"])
        self.received = b""

    def next(self):
        """The next message."""
        while b"\0" not in self.received:
            more = self.socket.recv(65536)
            if not more:
                raise AssertionError("the run has ended")
            self.received += more
        message, self.received = self.received.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        """The result of a request."""
        message = {"v": 1, "method": method, **({"params": params} if params else {})}
        self.socket.sendall(json.dumps(message).encode() + b"\0")
        answer = self.next()
        if "error" in answer:
            raise AssertionError(f"{method} {params}: {answer['error']['message']}")
        return answer["result"]


class Events(Connection):
    """What happens on the board from now on."""

    def __init__(self):
        super().__init__()
        self.call("events")

    def until(self, kind, **fields):
        """The next event of this kind with these fields; others before it are dropped."""
        while True:
            event = self.next()["event"]
            if event["kind"] == kind and fields.items() <= event.items():
                return event


class World(Connection):
    """Hands on the lines of one chip."""

    def __init__(self, label):
        super().__init__()
        self.label = label

    @property
    def chip(self):
        """The chip as `list` tells it."""
        (chip,) = [c for c in self.call("list")["chips"] if c["label"] == self.label]
        return chip

    def line(self, offset):
        return self.call("level", chip=self.label, line=offset)

    def level(self, offset):
        return self.line(offset)["level"]

    def pull(self, offset, pull):
        self.call("pull", chip=self.label, line=offset, pull=pull)

    def unplug(self):
        self.call("unplug", chip=self.label)

    def wait(self, offset, level):
        self.call("wait", chip=self.label, line=offset, level=level, timeout_ms=LIMIT * 1000)

    @contextlib.contextmanager
    def events(self):
        """Events from the start of the block on."""
        events = Events()
        with events.socket:
            yield events
