"""The pytest plugin: tests on chips of their own, without anybody typing `ugpio run` (docs/python.md).

A test that has the marker `ugpio` or uses the fixtures `board` or `chip` gets fresh chips, numbered from
gpiochip0, and its run: pytest starts itself again under `ugpio run`, before anything is imported if the
configuration says so, else when it has collected such a test. Other tests and other projects notice nothing.
"""

from __future__ import annotations

import gc
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Generator, List, Mapping, Optional, Sequence, Union

import pytest

from ._binary import binary
from ._board import Board, Chip
from ._client import Error
from ._recorder import Recorder

ChipOf = Union[int, Sequence[str], Mapping[int, str]]
DEFAULT: Dict[str, ChipOf] = {"bench": 8}
SCENE = pytest.StashKey["Scene"]()
STAGE = pytest.StashKey["Stage"]()
MARK = "ugpio(chips={LABEL: LINES}): runs on these chips, fresh for the test, numbered from gpiochip0"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ugpio", "GPIO without hardware")
    group.addoption("--ugpio", action="store_true", help="run under ugpio from the start (ini: ugpio)")
    group.addoption("--ugpio-board", metavar="FILE", help="the board file of the run (ini: ugpio_board)")
    group.addoption("--ugpio-trace", metavar="DIR", help="leave a VCD of each test there, not only of those that fail")
    group.addoption("--ugpio-strict", action="store_true", help="exact to the last errno: `ugpio run --strict`")
    group.addoption(
        "--ugpio-required", action="store_true", help="where ugpio cannot run, fail instead of skipping"
    )
    parser.addini("ugpio", "run under ugpio from the start", type="bool", default=False)
    parser.addini("ugpio_board", "the board file of the run, from the folder of the configuration", default="")


class Stage:
    """What a pytest process knows of its run."""

    def __init__(self, config: pytest.Config, options: Any) -> None:
        self.config = config
        self.strict: bool = options.ugpio_strict
        self.required: bool = options.ugpio_required
        self.trace: Optional[str] = options.ugpio_trace
        file = options.ugpio_board or config.getini("ugpio_board")
        here = config.invocation_params.dir if options.ugpio_board else config.rootpath
        self.file: Optional[Path] = here / file if file else None
        self.configured = bool(options.ugpio or self.file or config.getini("ugpio"))
        self.reason: Optional[str] = None  # why there is no run
        self.board: Optional[Board] = None
        self.plan: List[Dict[str, Any]] = []  # the chips of the run's own board, to be plugged in again

    def words(self) -> List[str]:
        """How the run is started."""
        board = ["--board", str(self.file)] if self.file else []
        return [binary(), "run", *board, *(["--strict"] if self.strict else []), "--"]

    def possible(self) -> bool:
        """Can there be a run here? If not, `reason` says why."""
        try:
            tried = subprocess.run([*self.words(), "true"], capture_output=True, text=True, timeout=60)
        except (Error, OSError, subprocess.TimeoutExpired) as error:
            self.reason = str(error)
            return False
        if tried.returncode:
            self.reason = tried.stderr.strip() or f"ugpio run ended with {tried.returncode}"
        return tried.returncode == 0

    def start_again(self) -> None:
        """Becomes the same pytest under `ugpio run`; returns only where that cannot be, with a reason."""
        if os.environ.get("PYTEST_XDIST_WORKER"):
            self.reason = (
                "the workers of pytest-xdist are started in runs of their own only if the configuration says "
                "that there is one: `ugpio = true`, `ugpio_board = FILE` or --ugpio"
            )
            return
        if list(self.config.invocation_params.args) != sys.argv[1:]:
            self.reason = "pytest was called by a program, which is not started again: start it with `ugpio run --`"
            return
        if not self.possible():
            return
        command = getattr(sys, "orig_argv", None) or [sys.executable, "-m", "pytest", *sys.argv[1:]]
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if capture:
            capture.suspend_global_capture(in_=True)
        sys.stdout.flush()
        sys.stderr.flush()
        words = [*self.words(), sys.executable, *command[1:]]
        os.execv(words[0], words)

    def open(self) -> Optional[Board]:
        """The board of the run that this process is in."""
        if self.board is None and os.environ.get("UGPIO_SOCKET"):
            self.board = Board()
            self.plan = [_plan(chip) for chip in self.board.call("list")["chips"]]
        return self.board


def _plan(chip: Dict[str, Any]) -> Dict[str, Any]:
    """What plugs in the same chip again. Nobody but the board holds its lines yet."""
    names = {line["offset"]: line["name"] for line in chip["lines"] if line["name"]}
    hogs = []
    for line in filter(lambda line: line["used"], chip["lines"]):
        driven = {"high": "output-high", "low": "output-low"}[line["level"]]
        direction = driven if line["direction"] == "output" else "input"
        hogs.append({"line": line["offset"], "consumer": line["consumer"], "direction": direction})
    lines = len(chip["lines"])
    return {"label": chip["label"], "lines": lines, "names": names, "hogs": hogs, "base": chip.get("base")}


class Scene:
    """The chips of one test, and what they do."""

    def __init__(self, stage: Stage, board: Board, chips: Optional[Mapping[str, ChipOf]]) -> None:
        self.stage = stage
        self.board = board
        gc.collect()  # files of chips that only garbage holds would keep the first numbers
        for chip in board.chips:
            chip.unplug()
        plan = stage.plan if chips is None and stage.plan else [_planned(*c) for c in (chips or DEFAULT).items()]
        self.chips = [board.plug(**chip) for chip in plan]
        self.recorder = Recorder(board)
        self.path: Optional[Path] = None
        names = [chip.name for chip in self.chips]
        #: What an earlier test left open, in words, or nothing.
        self.warning = "" if names == [f"gpiochip{n}" for n in range(len(names))] else (
            f"an earlier test still holds a chip open, and its number with it: these chips are {', '.join(names)}"
        )

    def keep(self, item: pytest.Item) -> Path:
        """Writes the recording, for the test of this name."""
        self.recorder.settle()
        name = re.sub(r"[^\w.-]+", "-", item.nodeid).strip("-")
        self.path = _folder(self.stage) / f"{name}.vcd"
        self.recorder.write(self.path)
        return self.path

    def close(self) -> None:
        """Takes the chips away."""
        self.recorder.stop()
        for chip in self.board.chips:
            chip.unplug()


def _planned(label: str, chip: ChipOf) -> Dict[str, Any]:
    return {"label": label, "lines": chip} if isinstance(chip, int) else {"label": label, "lines": 1, "names": chip}


def _folder(stage: Stage) -> Path:
    cache = getattr(stage.config, "cache", None)
    if stage.trace:
        folder = stage.config.invocation_params.dir / stage.trace
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    if cache is not None:
        return Path(cache.mkdir("ugpio"))
    return Path(tempfile.mkdtemp(prefix="ugpio-"))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    stage = early_config.stash[STAGE] = Stage(early_config, options)
    # With workers it is they who run the tests, each in a run of its own.
    distributed = getattr(options, "numprocesses", None) or getattr(options, "tx", None)
    if stage.configured and not distributed and not os.environ.get("UGPIO_SOCKET") and not _looks_only(options):
        stage.start_again()


def _looks_only(options: Any) -> bool:
    return any(getattr(options, name, False) for name in ("help", "version", "collectonly", "markers", "showfixtures"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    stage = config.stash[STAGE]
    if not stage.configured or os.environ.get("UGPIO_SOCKET") or not stage.possible():
        return
    for spec in specs:
        if spec.popen and not spec.python:
            spec.python = shlex.join([*stage.words(), sys.executable])


def _wants(item: pytest.Item) -> bool:
    """Has the test the marker, or does it use our fixtures, and not others of their names?"""
    if item.get_closest_marker("ugpio"):
        return True
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return any(name in found and found[name][-1].func.__module__ == __name__ for name in ("board", "chip"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    stage = session.config.stash.get(STAGE, None)
    if stage is None or stage.reason or os.environ.get("UGPIO_SOCKET") or _looks_only(session.config.option):
        return
    distributed = session.config.pluginmanager.hasplugin("dsession")
    if not distributed and any(map(_wants, session.items)):
        stage.start_again()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    stage = item.config.stash.get(STAGE, None)
    if stage is None or not _wants(item):
        return
    board = stage.open()
    if board is None:
        reason = f"no run of ugpio: {stage.reason or 'not started in one'}"
        # That a worker was started wrongly is no property of the machine.
        if stage.required or os.environ.get("PYTEST_XDIST_WORKER") and not stage.configured:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    marker = item.get_closest_marker("ugpio")
    if marker is not None and (marker.args or set(marker.kwargs) - {"chips"}):
        pytest.fail(f"the marker is {MARK.split('): ', 1)[0]})", pytrace=False)
    scene = Scene(stage, board, marker.kwargs.get("chips") if marker else None)
    item.stash[SCENE] = scene
    if scene.warning:
        item.warn(pytest.PytestWarning(scene.warning))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    scene = item.stash.get(SCENE, None)
    if scene is None or call.when == "teardown":
        return
    if report.failed:
        report.sections.append(("ugpio: what the lines did", scene.recorder.draw(scene.keep(item))))
    elif call.when == "call" and scene.stage.trace:
        scene.keep(item)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    scene = item.stash.get(SCENE, None)
    if scene is not None:
        del item.stash[SCENE]
        scene.close()


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Board:
    """The board of the test, with fresh chips: those of its marker, else those of the configured board."""
    return request.node.stash[SCENE].board  # type: ignore[no-any-return]


@pytest.fixture
def chip(request: pytest.FixtureRequest) -> Chip:
    """The first chip of the test, gpiochip0."""
    return request.node.stash[SCENE].chips[0]  # type: ignore[no-any-return]
