"""GPIO without hardware, from Python: runs of ugpio as objects, and the board inside one.

From outside, `run` makes a run with chips that do not exist and starts unmodified GPIO programs in it:

>>> import ugpio
>>> with ugpio.run(chips={"bench": 8}) as run:
...     program = run.start(["ugpio", "set", "bench:3=1"])
...     bench = run.board["bench"]
...     bench[3].wait("high", timeout=10)
...     bench[4].pull("up")
...     bench[3].consumer, bench[4].level
('ugpio', 'high')

Inside a run, `board()` is the same world outside the chips. For pytest there is a plugin (docs/python.md).
"""

from ._binary import binary
from ._board import Board, Chip, Event, Events, Line, Part, board
from ._client import TIMEOUT, Error, NoRun, Refused, RunEnded, TimedOut, Unplugged
from ._run import DEVNULL, PIPE, STDOUT, Program, Run, run

__version__ = "0.2.0"
__all__ = [
    "DEVNULL", "PIPE", "STDOUT", "TIMEOUT", "Board", "Chip", "Error", "Event", "Events", "Line", "NoRun", "Part",
    "Program", "Refused", "Run", "RunEnded", "TimedOut", "Unplugged", "binary", "board", "run",
]
