"""A run as an object: `ugpio run`, started from a program that itself is in none.

`run` starts it, `Run.start` programs in it, `Run.board` is the world outside their chips.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Union

from ._binary import binary
from ._board import Board
from ._client import TIMEOUT, Error, RunEnded, TimedOut

__tracebackhide__ = True  # a failed test shows its own line, and not ours

#: For `stdin`, `stdout` and `stderr` of `Run.start`: a pipe to this program; nothing; standard output.
PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
Stream = Union[None, int, IO[Any]]
Words = Sequence[Union[str, "os.PathLike[str]"]]


class Program:
    """A program that was started in a run."""

    def __init__(self, run: Run, words: List[str], pid: int, pipes: Dict[str, Optional[IO[str]]]) -> None:
        self._run = run
        self.words = words
        self.pid = pid
        self.stdin, self.stdout, self.stderr = pipes["stdin"], pipes["stdout"], pipes["stderr"]
        #: How it ended: its status, or minus the number of the signal it died of; None while it goes on.
        self.status: Optional[int] = None

    def __repr__(self) -> str:
        return f"<program {self.words[0]} ({self.pid}), status {self.poll()}>"

    def poll(self) -> Optional[int]:
        """How it ended, if it has."""
        self._run._listen(0)
        return self.status

    def wait(self, timeout: float = TIMEOUT) -> int:
        """How it ended, when it has: its status, or minus a signal's number. Else `TimedOut`."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            left = end - time.monotonic()
            if left <= 0:
                raise TimedOut("timed-out", f"{self.words[0]} did not end within {timeout:g} s")
            self._run._listen(left)
        assert self.status is not None
        return self.status

    def send_signal(self, number: int) -> None:
        """Sends it a signal; nothing happens if it has ended."""
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass  # it has ended just now

    def terminate(self) -> None:
        """Asks it to end, with SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it, with SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, text: Optional[str] = None, timeout: float = TIMEOUT) -> str:
        """Gives it the text, if it has a pipe for that, waits for its end; what it wrote to `stdout`."""
        if self.stdin is not None:
            try:
                self.stdin.write(text or "")
                self.stdin.close()
            except BrokenPipeError:
                pass  # it does not want it
        said: List[str] = []
        reader = threading.Thread(target=lambda: said.append(self.stdout.read() if self.stdout else ""), daemon=True)
        reader.start()
        self.wait(timeout)
        reader.join(timeout)
        return "".join(said)


class Run:
    """A run; see `run`."""

    def __init__(self, words: List[str], timeout: float) -> None:
        self.timeout = timeout
        self._turn = threading.Lock()
        self._programs: Dict[int, Program] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="ugpio-"))
        self.socket = str(self._folder / "s")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ours
        inside = [sys.executable, "-S", "-E", str(Path(__file__).with_name("_inside.py"))]
        command = [binary(), "run", "--kill", "--socket", self.socket, *words, "--", *inside]
        with open(self._folder / "errors", "wb") as errors, theirs:
            env = {name: value for name, value in os.environ.items() if name != "UGPIO_SOCKET"}
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=DEVNULL, stderr=errors, env=env)
        try:
            # Answered once the board is there, by whoever is inside.
            self._ask(None, [], timeout)
            self.board = Board(self.socket, timeout)
        except BaseException:
            self.close()
            raise

    def errors(self) -> str:
        """What the run said of itself, as warnings."""
        return (self._folder / "errors").read_text(errors="replace").strip()

    def _ask(self, request: Optional[Dict[str, Any]], streams: List[int], timeout: float) -> Dict[str, Any]:
        with self._turn:
            try:
                socket.send_fds(self._channel, [json.dumps(request).encode()], streams)
            except OSError:
                self._gone()
            end = time.monotonic() + timeout
            while True:
                message = self._receive(end - time.monotonic())
                if message is None:
                    raise TimedOut("timed-out", f"the run did not answer within {timeout:g} s")
                if "ended" not in message:
                    return message
                self._ended(message)

    def _receive(self, timeout: float) -> Optional[Dict[str, Any]]:
        if not select.select([self._channel], [], [], max(timeout, 0))[0]:
            return None
        try:
            data = self._channel.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._gone()
        message: Dict[str, Any] = json.loads(data)
        return message

    def _gone(self) -> None:
        """The run has ended; says why, if it did."""
        try:
            self._process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            pass
        raise RunEnded(self.errors() or "the run has ended")

    def _ended(self, message: Dict[str, Any]) -> None:
        program = self._programs.pop(message["ended"], None)
        if program is not None:
            program.status = message["status"]

    def _listen(self, timeout: float) -> None:
        """Takes note of programs that end within this time, the first one of them."""
        with self._turn:
            if self._programs:
                message = self._receive(timeout)
                if message is not None:
                    self._ended(message)

    def start(
        self,
        words: Words,
        *,
        cwd: Optional[Union[str, "os.PathLike[str]"]] = None,
        env: Optional[Mapping[str, str]] = None,
        stdin: Stream = DEVNULL,
        stdout: Stream = None,
        stderr: Stream = None,
    ) -> Program:
        """Starts a program in the run. Streams are as those of `subprocess.Popen`, in text."""
        texts = [os.fspath(word) for word in words]
        request = {"words": texts, "cwd": os.fspath(cwd or os.getcwd()), "env": None if env is None else dict(env)}
        theirs: List[int] = []
        opened: List[int] = []
        pipes: Dict[str, Optional[IO[str]]] = {}
        try:
            for number, (name, stream) in enumerate((("stdin", stdin), ("stdout", stdout), ("stderr", stderr))):
                pipes[name] = None
                if stream == PIPE:
                    reading, writing = os.pipe()
                    opened.append(writing if number else reading)
                    theirs.append(opened[-1])
                    pipes[name] = open(reading if number else writing, "r" if number else "w")
                elif stream == DEVNULL:
                    opened.append(os.open(os.devnull, os.O_RDWR))
                    theirs.append(opened[-1])
                elif stream == STDOUT:
                    theirs.append(theirs[1])
                else:
                    theirs.append(number if stream is None else stream if isinstance(stream, int) else stream.fileno())
            answer = self._ask(request, theirs, self.timeout)
        finally:
            for descriptor in opened:
                os.close(descriptor)
        if "error" in answer:
            raise Error(answer["error"])
        program = Program(self, texts, answer["started"], pipes)
        with self._turn:
            self._programs[program.pid] = program
        return program

    def close(self) -> None:
        """Ends every program and the run."""
        if hasattr(self, "board"):
            self.board.close()
        # Its first program ends with the channel, and with that the others (`--kill`).
        self._channel.close()
        try:
            self._process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for program in self._programs.values():
            for pipe in (program.stdin, program.stdout, program.stderr):
                if pipe is not None:
                    pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run(
    chips: Optional[Mapping[str, int]] = None,
    board: Union[None, str, "os.PathLike[str]"] = None,
    *,
    strict: bool = False,
    trace: Union[None, str, "os.PathLike[str]"] = None,
    seed: Optional[int] = None,
    timeout: float = TIMEOUT,
    options: Sequence[str] = (),
) -> Run:
    """A run with these chips, `{label: lines}`, or the board of a file; use it in a `with` block.

    `options` are further ones of `ugpio run`. Everything that was started in it ends with it.

    >>> with run(chips={"bench": 8}) as bench:
    ...     program = bench.start(["sh", "-c", "ls /dev/gpiochip*; exit 3"], stdout=PIPE)
    ...     print(program.communicate().strip(), program.wait())
    /dev/gpiochip0 3
    """
    words: List[str] = []
    if board is not None:
        words += ["--board", os.fspath(board)]
    for label, lines in (chips or {}).items():
        words += ["--chip", f"{label}:{lines}"]
    words += ["--strict"] if strict else []
    words += ["--trace", os.fspath(trace)] if trace is not None else []
    words += ["--seed", str(seed)] if seed is not None else []
    return Run([*words, *options], timeout)
