"""The package: runs as objects, and the board of one. In a run of each test's own."""

import os

import pytest

import ugpio

BOARD = """
[[chip]]
label = "demo"
lines = 4
names = ["LED", "BUTTON"]
[[part]]
kind = "button"
name = "START"
line = "demo:BUTTON"
[[part]]
kind = "led"
name = "lamp"
line = "demo:LED"
"""


@pytest.fixture
def run():
    with ugpio.run(chips={"bench": 8}) as run:
        yield run


def test_a_program_is_seen_and_moved_from_outside(run):
    program = run.start(["ugpio", "set", "bench:3=1"])
    led = run.board["bench"][3]
    led.wait("high")
    assert (led.level, led.consumer, led.direction, led.used) == ("high", "ugpio", "output", True)
    program.terminate()
    assert program.wait() == -15
    # `wait` counts what is so already, too.
    assert not led.used


def test_lines_by_offset_and_by_name(run):
    chip = run.board.plug("named", names=["LED", "BUTTON"])
    assert (chip.name, chip.path, len(chip)) == ("gpiochip1", "/dev/gpiochip1", 8)
    assert chip["BUTTON"].offset == 1 and chip[0].name == "LED"
    assert [c.label for c in run.board] == ["bench", "named"]
    chip.unplug()
    with pytest.raises(ugpio.Refused) as refused:
        run.board["named"]
    assert refused.value.code == "no-such-chip"


def test_a_chip_has_the_numbers_that_are_asked_for(run):
    chip = run.board.plug("soc", lines=54, base=0)
    assert chip.info()["base"] == 0 and "base" not in run.board["bench"].info()
    label = run.start(["cat", "/sys/class/gpio/gpiochip0/label"], stdout=ugpio.PIPE)
    assert label.communicate() == "soc\n"
    with pytest.raises(ugpio.Refused) as refused:
        run.board.plug("other", base=53)
    assert refused.value.code == "base-taken"


@pytest.mark.parametrize("line", ["DOOR", 8])
def test_a_line_that_is_not_there(run, line):
    with pytest.raises(ugpio.Refused) as refused:
        run.board["bench"][line]
    assert refused.value.code == "no-such-line"


def test_everything_times_out(run):
    line = run.board["bench"][0]
    with pytest.raises(ugpio.TimedOut):
        line.wait("high", timeout=0.05)
    with pytest.raises(TimeoutError), run.board.events(timeout=0.05) as events:
        next(events)
    with pytest.raises(ugpio.TimedOut):
        run.start(["sleep", "1000"]).wait(0.05)


def test_events_come_in_order(run):
    line = run.board["bench"][2]
    with run.board.events() as events:
        line.press()
        assert [events.wait("level", offset=2)["level"] for _ in "12"] == ["high", "low"]


def test_programs_have_streams_an_environment_and_a_folder(run, tmp_path):
    program = run.start(
        ["sh", "-c", 'cat; echo "$WHO"; pwd; echo no >&2; exit 3'],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "WHO": "me"},
        stdin=ugpio.PIPE,
        stdout=ugpio.PIPE,
        stderr=ugpio.STDOUT,
    )
    assert program.communicate("hello\n") == f"hello\nme\n{tmp_path}\nno\n"
    assert program.wait() == 3


def test_a_program_that_is_not_there(run):
    with pytest.raises(ugpio.Error, match="no-such-program: "):
        run.start(["no-such-program"])


def test_a_fault_is_met(run):
    run.board.fault("bench", "error", line=1, errno="EIO")
    program = run.start(["ugpio", "get", "bench:1"], stdout=ugpio.PIPE, stderr=ugpio.STDOUT)
    assert "input/output error" in program.communicate()


def test_wires_and_parts(run, tmp_path):
    (tmp_path / "board.toml").write_text(BOARD)
    with ugpio.run(board=tmp_path / "board.toml") as other:
        demo = other.board["demo"]
        assert other.board.part("START").state == "released"
        with other.board.events() as events:
            demo["BUTTON"].press()
            assert events.wait("part", part="START")["state"] == "pressed"
        other.board.wire("loop", demo[2], demo[3], pull="up")
        assert demo[3].level == "high"
        demo[2].pull("down")
        assert demo[3].level == "low"


def test_a_board_file_that_cannot_be_says_why(tmp_path):
    with pytest.raises(ugpio.Error, match="no such file"):
        ugpio.run(board=tmp_path / "none.toml")


def test_the_end_of_a_run_ends_its_programs():
    with ugpio.run(chips={"bench": 2}) as run:
        board = run.board
        program = run.start(["sh", "-c", "echo begun; sleep 1000"], stdout=ugpio.PIPE)
        assert program.stdout.readline() == "begun\n"
        pid = program.pid
    with pytest.raises(ugpio.Error):
        board.call("list")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_no_run_is_said(monkeypatch):
    monkeypatch.delenv("UGPIO_SOCKET", raising=False)
    with pytest.raises(ugpio.NoRun, match="in no run of ugpio"):
        ugpio.board()
