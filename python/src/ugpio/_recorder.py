"""What the lines of a board do in the time of a test: listened to, written as a value change dump, drawn.

The dump is drawn by `ugpio trace show`, as any other recording.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from ._binary import binary
from ._board import Board
from ._client import Error, Refused, RunEnded, TimedOut

Place = Tuple[str, int]  # label, offset
LISTEN = 3600.0  # seconds without an event; only the end of the run or of the recorder ends it
SETTLE = 2.0  # seconds that events may be behind what `list` says


class Recorder:
    """Listens from when it is made until `stop`."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._known = threading.Condition()
        self._levels: Dict[Place, str] = {}
        self._names: Dict[Place, Optional[str]] = {}
        self._first: Dict[Place, str] = {}
        self._changes: List[Tuple[int, Place, str]] = []
        self._notes: List[Tuple[int, str]] = []
        self._events = board.events(timeout=LISTEN)
        self._start_ns = time.monotonic_ns()
        for chip in board.call("list")["chips"]:
            for line in chip["lines"]:
                place = (str(chip["label"]), int(line["offset"]))
                self._first[place] = self._levels[place] = str(line["level"])
                self._names[place] = line["name"]
        self._thread = threading.Thread(target=self._listen, name="ugpio recorder", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for event in self._events:
                with self._known:
                    if event.kind == "level":
                        place = (str(event["label"]), int(event["offset"]))
                        self._levels[place] = str(event["level"])
                        self._changes.append((event.at_ns, place, self._levels[place]))
                    elif event.kind in ("requested", "released"):
                        who = f" by {event['consumer']}" if event.get("consumer") else ""
                        line = event.get("name") or event["offset"]
                        self._notes.append((event.at_ns, f"{event['label']}:{line} {event.kind}{who}"))
                    elif event.kind in ("unplugged", "fault", "failed", "short", "lost"):
                        said = ", ".join(f"{name} {value}" for name, value in event.fields.items())
                        self._notes.append((event.at_ns, f"{event.kind}: {said}"))
                    self._known.notify_all()
        except (RunEnded, Refused, TimedOut, OSError, ValueError):
            pass  # it was stopped, or there is no run any more

    def settle(self) -> None:
        """Waits until what happened so far was heard: the levels are those that the board has now."""
        try:
            chips: List[Dict[str, Any]] = self.board.call("list")["chips"]
        except Error:
            return
        now = {(c["label"], line["offset"]): line["level"] for c in chips for line in c["lines"]}
        with self._known:
            self._known.wait_for(lambda: all(self._levels.get(at, now[at]) == now[at] for at in now), SETTLE)

    def stop(self) -> None:
        """Ends it."""
        self._events.close()
        self._thread.join()

    def notes(self) -> List[str]:
        """Requests, releases, faults and unplugs, one a line with the time since the start."""
        with self._known:
            return [f"{(at - self._start_ns) / 1e6:10.3f} ms  {text}" for at, text in self._notes]

    def write(self, path: Path) -> None:
        """Writes what was heard as a value change dump."""
        with self._known:
            changes, first = list(self._changes), dict(self._first)
        for _, place, _ in changes:
            first.setdefault(place, "low")
        codes = {place: _code(number) for number, place in enumerate(sorted(first))}
        out = ["$timescale 1 ns $end"]
        for label in sorted({label for label, _ in first}):
            out.append(f"$scope module {_word(label)} $end")
            for place in sorted(first):
                if place[0] == label:
                    out.append(f"$var wire 1 {codes[place]} {self._signal(place)} $end")
            out.append("$upscope $end")
        out += ["$enddefinitions $end", "#0", "$dumpvars"]
        out += [f"{int(level == 'high')}{codes[place]}" for place, level in sorted(first.items())]
        out.append("$end")
        for at_ns, place, level in changes:
            out += [f"#{max(at_ns - self._start_ns, 0)}", f"{int(level == 'high')}{codes[place]}"]
        out.append(f"#{time.monotonic_ns() - self._start_ns}")
        path.write_text("\n".join(out) + "\n")

    def _signal(self, place: Place) -> str:
        name = self._names.get(place)
        return _word(name) if name else f"line{place[1]}"

    def draw(self, path: Path) -> str:
        """The dump that was written there, drawn as text, and the notes."""
        shown = subprocess.run(
            [binary(), "trace", "show", "--width", "60", str(path)], capture_output=True, text=True, timeout=60
        )
        waves = shown.stdout.rstrip() or "no line changed"
        return "\n".join([waves, *self.notes(), f"recorded in {path}"])


def _word(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _code(number: int) -> str:
    """A short identifier of a signal: printable characters, as the format has them."""
    code = ""
    while True:
        code += chr(33 + number % 94)
        number = number // 94 - 1
        if number < 0:
            return code
