"""The pytest plugin, on small projects; each pytest is a process of its own."""

import sys
from pathlib import Path

import pytest

import ugpio

# A test that drives a line, by the kernel's interface and nothing else.
TEST = """
import os
import pytest
import gpiod
from gpiod.line import Direction, Value

def lit(offset):
    settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)
    return gpiod.request_lines("/dev/gpiochip0", {offset: settings})
"""


@pytest.fixture
def project(pytester, monkeypatch):
    for name in ("UGPIO_SOCKET", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(ugpio.__file__).parents[1]))
    # As an installed wheel does by its entry point; a plugin that is there is loaded once.
    monkeypatch.setenv("PYTEST_PLUGINS", "ugpio.pytest_plugin")
    return pytester


def run(project, *words):
    return project.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words, timeout=100)


def test_the_marker_alone_starts_pytest_again(project):
    project.makepyfile(TEST + """
@pytest.mark.ugpio(chips={"relays": 4, "named": ["LED", "BUTTON"]})
def test_it(board, chip):
    assert [(c.name, c.label, len(c)) for c in board] == [("gpiochip0", "relays", 4), ("gpiochip1", "named", 2)]
    assert board["named"]["BUTTON"].offset == 1
    with lit(3):
        assert chip[3].level == "high"

@pytest.mark.ugpio(chips={"relays": 2})
def test_fresh(chip):
    assert (chip.name, len(chip), chip[1].used) == ("gpiochip0", 2, False)

def test_of_something_else():
    assert not os.listdir("/dev").count("gpiochip0")
""")
    result = run(project)
    result.assert_outcomes(passed=3)


def test_the_fixtures_alone_do_too(project):
    project.makepyfile(TEST + """
def test_it(chip):
    with lit(7):
        assert chip.label == "bench" and chip[7].level == "high"
""")
    run(project).assert_outcomes(passed=1)


def test_others_are_left_alone(project):
    project.makepyfile("""
import os, pytest
@pytest.fixture
def board():
    return 7
def test_it(board):
    assert board == 7 and "UGPIO_SOCKET" not in os.environ
""")
    run(project).assert_outcomes(passed=1)


def test_by_the_configuration_nothing_is_imported_outside(project):
    project.makeini("[pytest]\nugpio = true")
    project.makeconftest("import os; os.environ['UGPIO_SOCKET']; open('imported', 'a').write('x')")
    project.makepyfile("def test_it(): open('/dev/gpiochip0') if False else None")
    run(project).assert_outcomes(passed=1)
    assert (project.path / "imported").read_text() == "x"


def test_a_board_of_the_configuration_is_plugged_in_anew_for_each_test(project):
    project.makeini("[pytest]\nugpio_board = b/board.toml")
    (project.path / "b").mkdir()
    (project.path / "b/board.toml").write_text(
        '[machine]\nbase = 0\n[[chip]]\nlabel = "demo"\nlines = 4\nnames = ["LED"]\n'
        'hogs = [{ line = 3, consumer = "power", direction = "output-high" }]\n[[chip]]\nlabel = "more"\nlines = 2\n'
    )
    project.makepyfile("""
import os
import pytest
@pytest.mark.parametrize("n", range(3))
def test_it(board, n):
    assert {"gpiochip0", "gpiochip4"} <= set(os.listdir("/sys/class/gpio"))
    assert [(c.name, c.label, len(c)) for c in board] == [("gpiochip0", "demo", 4), ("gpiochip1", "more", 2)]
    demo = board["demo"]
    assert (demo[3].consumer, demo[3].level, demo["LED"].level) == ("power", "high", "low")
    demo["LED"].pull("up")
@pytest.mark.ugpio(chips={"other": 1})
def test_others(board):
    assert [c.label for c in board] == ["other"]
""")
    run(project).assert_outcomes(passed=4)


def test_a_failed_test_shows_its_own_line_and_none_of_ours(project):
    project.makepyfile(TEST + """
def test_it(chip):
    chip[3].wait("high", timeout=0)
""")
    result = run(project)
    result.stdout.fnmatch_lines(['>*chip[[]3[]].wait("high", timeout=0)', "E*was not high*"])
    result.stdout.no_fnmatch_line("*_client.py*")


def test_a_failed_test_shows_what_its_lines_did_and_leaves_a_dump(project):
    project.makepyfile(TEST + """
def test_it(chip):
    with lit(3):
        chip[3].wait("high")
        chip[5].press()
    assert False
""")
    result = run(project, "--ugpio-trace=traces")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    for said in ("what the lines did", "bench.line3", "bench.line5", "bench:3 requested", "bench:3 released"):
        assert said in text, text
    (dump,) = (project.path / "traces").iterdir()
    assert dump.name.endswith("test_it.vcd") and "$var wire 1" in dump.read_text()


def test_without_a_folder_only_failed_tests_leave_dumps(project):
    project.makepyfile("def test_good(chip): chip[1].pull('up')\ndef test_bad(chip): assert chip is None")
    result = project.run(sys.executable, "-m", "pytest", timeout=100)
    result.assert_outcomes(passed=1, failed=1)
    assert [path.name[-12:] for path in (project.path / ".pytest_cache").rglob("*.vcd")] == ["test_bad.vcd"]


def test_a_test_that_keeps_a_chip_open_is_told(project):
    project.makepyfile("""
import os
kept = []
def test_one(chip): kept.append(os.open("/dev/gpiochip0", os.O_RDWR))
def test_two(chip): assert chip.name == "gpiochip1"
""")
    result = run(project)
    result.assert_outcomes(passed=2, warnings=1)
    assert "still holds a chip open" in result.stdout.str()


def test_strict_runs_are_strict(project):
    project.makepyfile("""
import pathlib
def test_it(chip):
    pid, words = None, []
    for cmdline in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try: words += cmdline.read_bytes().split(b"\\0")
        except OSError: pass
    assert b"--strict" in words
""")
    run(project, "--ugpio-strict").assert_outcomes(passed=1)


def test_workers_have_runs_of_their_own(project):
    project.makeini("[pytest]\nugpio = true")
    project.makepyfile(TEST + """
@pytest.mark.parametrize("n", range(8))
def test_it(chip, n):
    assert chip.name == "gpiochip0"
    with lit(n):
        assert chip[n].level == "high"
""")
    run(project, "-n2").assert_outcomes(passed=8)


def test_workers_without_the_configuration_say_what_is_missing(project):
    project.makepyfile("def test_it(chip): pass")
    result = run(project, "-n2")
    result.assert_outcomes(errors=1)
    assert "ugpio = true" in result.stdout.str()


# A run in a run cannot be: the same that a machine is that allows no seccomp listener.
@pytest.mark.parametrize("configured", [True, False])
def test_where_there_can_be_no_run_tests_are_skipped_with_the_reason(project, configured):
    if configured:
        project.makeini("[pytest]\nugpio = true")
    project.makepyfile("def test_it(chip): pass\ndef test_other(): pass")
    outside = ["run", "--chip", "x", "--", "env", "-u", "UGPIO_SOCKET", sys.executable, "-m", "pytest", "-rs"]
    result = project.run(ugpio.binary(), *outside, timeout=100)
    result.assert_outcomes(passed=1, skipped=1)
    assert "no run of ugpio: ugpio:" in result.stdout.str()
    result = project.run(ugpio.binary(), *outside, "--ugpio-required", timeout=100)
    result.assert_outcomes(passed=1, errors=1)


def test_a_run_around_pytest_is_taken(project):
    project.makepyfile("def test_it(chip): assert chip.name == 'gpiochip0'")
    outside = ["run", "--chip", "mine:3", "--", sys.executable, "-m", "pytest"]
    project.run(ugpio.binary(), *outside, timeout=100).assert_outcomes(passed=1)


def test_the_exit_status_and_arguments_are_kept(project):
    project.makepyfile("def test_it(chip): assert False\ndef test_other(chip): pass")
    assert run(project, "-k", "other").ret == 0
    assert run(project).ret == 1


def test_a_marker_with_wrong_arguments_is_told(project):
    project.makepyfile("import pytest\n@pytest.mark.ugpio('bench')\ndef test_it(): pass")
    result = run(project)
    result.assert_outcomes(errors=1)
    assert "the marker is ugpio(chips={LABEL: LINES})" in result.stdout.str()
