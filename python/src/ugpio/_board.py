"""The board of a run: its chips, lines, nets and parts, as objects.

`Board` is what `ugpio.board()` and `Run.board` give. Objects hold names and ask the run each time: what
they say is what is so now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Type, Union

from ._client import TIMEOUT, Connection, Refused, TimedOut

__tracebackhide__ = True  # a failed test shows its own line, and not ours

Key = Union[int, str]


@dataclass(frozen=True)
class Event:
    """Something that happened on the board (docs/control.md, Events)."""

    kind: str
    at_ns: int
    fields: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or the default where events of this kind have none of the name."""
        return self.fields.get(name, default)


class Events:
    """What happens on the board since this was made; iterate over it, or `wait` for one kind.

    Each step raises `TimedOut` when nothing happens for `timeout` seconds.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self._connection = Connection(path, timeout)
        self.timeout = timeout
        self._connection.call("events")

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return self._next(self.timeout)

    def _next(self, timeout: float) -> Event:
        fields = dict(self._connection.message(timeout)["event"])
        return Event(fields.pop("kind"), fields.pop("at_ns"), fields)

    def wait(self, kind: str, timeout: Optional[float] = None, **fields: Any) -> Event:
        """The next event of this kind with these fields; those before it are dropped."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                event = self._next(max(end - time.monotonic(), 0))
            except TimedOut:
                raise TimedOut("timed-out", f"no event {kind!r} with {fields} came in time") from None
            if event.kind == kind and all(event.get(name) == value for name, value in fields.items()):
                return event

    def close(self) -> None:
        """Ends it."""
        self._connection.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Line:
    """A line of a chip."""

    def __init__(self, chip: Chip, key: Key) -> None:
        self.chip = chip
        self.key = key

    def __repr__(self) -> str:
        return f"<line {self.key!r} of {self.chip.label!r}>"

    def info(self) -> Dict[str, Any]:
        """All that the run says of the line (docs/control.md, a *line*)."""
        return dict(self.chip.board.call("level", chip=self.chip.label, line=self.key))

    @property
    def offset(self) -> int:
        """Its number on the chip."""
        return int(self.info()["offset"])

    @property
    def name(self) -> Optional[str]:
        """Its name, if it has one."""
        return self._text("name")

    @property
    def level(self) -> str:
        """`"high"` or `"low"`: what it reads, whoever drives it."""
        return str(self.info()["level"])

    @property
    def consumer(self) -> Optional[str]:
        """Who holds it; None when nobody does."""
        return self._text("consumer")

    @property
    def used(self) -> bool:
        """Does anybody hold it?"""
        return bool(self.info()["used"])

    @property
    def direction(self) -> str:
        """`"input"` or `"output"`."""
        return str(self.info()["direction"])

    def _text(self, key: str) -> Optional[str]:
        value = self.info()[key]
        return None if value is None else str(value)

    def pull(self, to: str) -> None:
        """Pulls it `"up"` or `"down"` from outside; the level has changed when this returns."""
        self.chip.board.call("pull", chip=self.chip.label, line=self.key, pull=to)

    def press(self, hold: float = 0.0) -> None:
        """Presses its button for `hold` seconds, and lets it go.

        That is the button of the board that is wired to the line; without one, the line is pulled the other
        way and back.
        """
        line = self.info()
        part = self.chip.board.button_at(f"{self.chip.label}:{line['offset']}", line.get("net"))
        if part is not None:
            part.press()
        else:
            self.pull("down" if line["pull"] == "up" else "up")
        time.sleep(hold)
        if part is not None:
            part.release()
        else:
            self.pull(line["pull"])

    def wait(self, level: str, timeout: float = TIMEOUT) -> None:
        """Returns when the line has the level, `"high"` or `"low"`; a pulse counts. Else `TimedOut`."""
        # A connection of its own: others are not to wait for it.
        connection = Connection(self.chip.board.path, self.chip.board.timeout)
        limit = max(int(timeout * 1000), 0)
        try:
            params: Dict[str, Any] = {"chip": self.chip.label, "line": self.key, "level": level}
            connection.call("wait", within=timeout, timeout_ms=limit, **params)
        finally:
            connection.close()

    def fault(self, kind: str, **more: Any) -> None:
        """Lets something go wrong with it; see `Board.fault`."""
        self.chip.board.fault(self.chip, kind, line=self.key, **more)


class Chip:
    """A chip that is plugged in."""

    def __init__(self, board: Board, label: str) -> None:
        self.board = board
        self.label = label

    def __repr__(self) -> str:
        return f"<chip {self.label!r}>"

    def __getitem__(self, line: Key) -> Line:
        """A line, by its offset or its name; one that is not there is refused here."""
        found = Line(self, line)
        found.info()
        return found

    def info(self) -> Dict[str, Any]:
        """All that the run says of the chip (docs/control.md, a *chip*)."""
        return dict(self.board.find(self.label))

    @property
    def name(self) -> str:
        """`gpiochipN`."""
        return str(self.info()["name"])

    @property
    def path(self) -> str:
        """`/dev/gpiochipN`, for the program."""
        return f"/dev/{self.name}"

    @property
    def lines(self) -> List[Line]:
        """Its lines, by offset."""
        return [Line(self, line["offset"]) for line in self.info()["lines"]]

    def __len__(self) -> int:
        return len(self.info()["lines"])

    def unplug(self) -> None:
        """Takes the chip away while it is used; nobody is inside it any more when this returns."""
        self.board.call("unplug", chip=self.label)

    def mend(self) -> None:
        """Forgets its faults."""
        self.board.call("mend", chip=self.label)


class Part:
    """Something wired to a net: a button, a switch, an LED."""

    def __init__(self, board: Board, name: str) -> None:
        self.board = board
        self.name = name

    def __repr__(self) -> str:
        return f"<part {self.name!r}>"

    @property
    def state(self) -> str:
        """What a person sees of it, as `"on"`, `"pressed"` or `"8"`."""
        for part in self.board.call("list").get("parts", []):
            if part["part"] == self.name:
                return str(part["state"])
        raise Refused("no-such-part", f"no part of the board has the name {self.name!r}")

    def _operate(self, action: str, **more: Any) -> None:
        self.board.call("operate", part=self.name, action=action, **more)

    def press(self, hold: Optional[float] = None) -> None:
        """Holds a button down, for so many seconds, or until `release`."""
        self._operate("press", hold_ms=None if hold is None else int(hold * 1000))

    def release(self) -> None:
        """Lets a button go."""
        self._operate("release")

    def switch(self, on: bool) -> None:
        """Puts a switch."""
        self._operate("on" if on else "off")

    def turn(self, steps: int = 1) -> None:
        """Turns a rotary encoder; below 0 the other way."""
        self._operate("turn", steps=steps)


class Board:
    """The board of a run."""

    def __init__(self, path: Optional[str] = None, timeout: float = TIMEOUT) -> None:
        self._connection = Connection(path, timeout)
        self.path = self._connection.path
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"<board of {self.path}>"

    def call(self, method: str, **params: Any) -> Any:
        """A request of the control protocol, by its name; what is None is left out."""
        return self._connection.call(method, **params)

    def close(self) -> None:
        """Ends the connection to the run."""
        self._connection.close()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def find(self, chip: Key) -> Dict[str, Any]:
        """What `list` says of a chip, by label, `gpiochipN` or id."""
        chips = [dict(c) for c in self.call("list")["chips"]]
        # In this order: a label can look like the name of another chip.
        for key in ("label", "name", "id"):
            found = [c for c in chips if c[key] == chip]
            if len(found) > 1:
                raise Refused("ambiguous-chip", f"{len(found)} chips are {chip!r}")
            if found:
                return found[0]
        known = ", ".join(repr(c["label"]) for c in chips) or "none"
        raise Refused("no-such-chip", f"no chip is {chip!r}; plugged in: {known}")

    def __getitem__(self, chip: Key) -> Chip:
        """A chip, by its label, `gpiochipN` or id."""
        return Chip(self, str(self.find(chip)["label"]))

    @property
    def chips(self) -> List[Chip]:
        """The chips that are plugged in, by their number."""
        chips = sorted(self.call("list")["chips"], key=lambda chip: int(chip["id"]))
        return [Chip(self, str(chip["label"])) for chip in chips]

    def __iter__(self) -> Iterator[Chip]:
        return iter(self.chips)

    def part(self, name: str) -> Part:
        """A part of the board, by its name."""
        return Part(self, name)

    def button_at(self, line: str, net: Optional[str]) -> Optional[Part]:
        """The button that is wired to a line, `"LABEL:OFFSET"`, or to its net, if there is one."""
        board = self.call("list")
        nets = {n["name"] for n in board.get("nets", []) if line in n["lines"]} | ({net} - {None})
        for part in board.get("parts", []):
            if part["is"] == "button" and nets & set(part["pins"].values()):
                return Part(self, str(part["part"]))
        return None

    def plug(
        self,
        label: str,
        lines: int = 8,
        names: Union[None, Sequence[str], Mapping[int, str]] = None,
        hogs: Iterable[Mapping[str, Any]] = (),
        base: Optional[int] = None,
    ) -> Chip:
        """Plugs in a chip; its number is the lowest that is free.

        A hog is `{"line": 7, "consumer": "power-good", "direction": "output-high"}`. `base` is the number of the
        first line in `/sys/class/gpio`, one that is free if not given.
        """
        by_offset = dict(names) if isinstance(names, Mapping) else dict(enumerate(names or ()))
        params: Dict[str, Any] = {"label": label, "lines": max(lines, 1 + max(by_offset, default=0))}
        if by_offset:
            params["names"] = {str(offset): name for offset, name in by_offset.items()}
        self.call("plug", hogs=[dict(hog) for hog in hogs] or None, base=base, **params)
        return Chip(self, label)

    def wire(self, net: str, *lines: Line, pull: Optional[str] = None, delay: Optional[float] = None) -> None:
        """Wires lines to a net, made if it is not there; a delay is in seconds."""
        on = [{"chip": line.chip.label, "line": line.key} for line in lines]
        self.call("wire", net=net, lines=on, pull=pull, delay_ns=None if delay is None else int(delay * 1e9))

    def unwire(self, net: str, *lines: Line) -> None:
        """Takes the lines off the net; without any, the net goes."""
        on = [{"chip": line.chip.label, "line": line.key} for line in lines]
        self.call("unwire", net=net, lines=on or None)

    def fault(self, chip: Union[Chip, Key], kind: str, *, line: Optional[Key] = None, **more: Any) -> None:
        """Lets something go wrong: `kind` and the rest are those of `fault` in docs/control.md.

        `board.fault("bench", "error", line=3, call=2, errno="EIO")`
        """
        where = chip.label if isinstance(chip, Chip) else chip
        self.call("fault", chip=where, kind=kind, line=line, **more)

    def events(self, timeout: Optional[float] = None) -> Events:
        """What happens from now on; `for event in board.events()`."""
        return Events(self.path, self.timeout if timeout is None else timeout)


def board(socket: Optional[str] = None, timeout: float = TIMEOUT) -> Board:
    """The board of the run that this process is in, or of the run with this socket."""
    return Board(socket, timeout)
