"""The control protocol (docs/control.md): one connection to a run, and what it can refuse.

`Connection` sends requests and returns results; after `events` it carries events. Every wait ends: a
connection has a time limit, and what takes longer raises `TimedOut`. The rest of the package is its user.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import Any, Dict, Optional

__tracebackhide__ = True  # a failed test shows its own line, and not ours

#: Seconds after which a thing that should happen counts as not happening, unless something else is asked for.
TIMEOUT = 10.0


class Error(Exception):
    """Anything that goes wrong here."""


class NoRun(Error):
    """There is no run: neither this process nor the socket that was named belongs to one."""


class RunEnded(Error):
    """The run ended before the answer was there."""


class Refused(Error):
    """The run refused a request; `code` is the protocol's, `message` says why.

    >>> raise Refused("no-such-line", "no line of gpiochip0 has the name 'DOOR'")
    Traceback (most recent call last):
    ugpio._client.Refused: no line of gpiochip0 has the name 'DOOR' (no-such-line)
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class TimedOut(Refused, TimeoutError):
    """It did not happen in time."""


class Unplugged(Refused):
    """The chip was unplugged in the middle of it."""


def refused(error: Dict[str, Any]) -> Refused:
    """The exception that an error of the protocol is."""
    code, message = str(error.get("code")), str(error.get("message"))
    return {"timed-out": TimedOut, "unplugged": Unplugged}.get(code, Refused)(code, message)


def socket_of_run() -> str:
    """The path of the control socket of the run that this process is in."""
    path = os.environ.get("UGPIO_SOCKET")
    if not path:
        raise NoRun("this process is in no run of ugpio: start it with `ugpio run -- PROGRAM`")
    return path


class Connection:
    """One connection to a run; threads may share it."""

    def __init__(self, path: Optional[str] = None, timeout: float = TIMEOUT) -> None:
        self.path = path or socket_of_run()
        self.timeout = timeout
        self._received = b""
        self._turn = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(self.path)
        except OSError as error:
            self._socket.close()
            raise NoRun(f"no run answers on {self.path}: {error.strerror or error}") from None

    def close(self) -> None:
        """Ends the connection; whoever waits on it gets `RunEnded`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the run was faster
        self._socket.close()

    def message(self, timeout: float) -> Dict[str, Any]:
        """The next message, whatever it is."""
        end = time.monotonic() + timeout
        while b"\0" not in self._received:
            left = end - time.monotonic()
            try:
                if left <= 0:
                    raise socket.timeout
                self._socket.settimeout(left)
                more = self._socket.recv(65536)
            except socket.timeout:
                raise TimedOut("timed-out", f"nothing came from the run within {timeout:g} s") from None
            except OSError as error:
                raise RunEnded(f"the connection to the run broke: {error.strerror or error}") from None
            if not more:
                raise RunEnded("the run has ended")
            self._received += more
        text, self._received = self._received.split(b"\0", 1)
        message: Dict[str, Any] = json.loads(text)
        if "error" in message:
            raise refused(message["error"])
        return message

    def call(self, method: str, *, within: float = 0.0, **params: Any) -> Any:
        """The result of a request; `within` is how long it takes by its nature, in seconds.

        Parameters that are None are left out.
        """
        given = {name: value for name, value in params.items() if value is not None}
        request = {"v": 1, "method": method, **({"params": given} if given else {})}
        with self._turn:
            try:
                self._socket.settimeout(self.timeout)
                self._socket.sendall(json.dumps(request).encode() + b"\0")
            except OSError as error:
                raise RunEnded(f"the run has ended: {error.strerror or error}") from None
            return self.message(self.timeout + within)["result"]
