"""Has the tools that people look at waveforms with read traces of ugpio's, and compares.

    readers.py --ugpio PATH

sigrok-cli reads with what PulseView reads with; `vcd2fst` with what GTKWave reads with, and `fst2vcd` writes
down what it understood, of our own FST too. For the golden traces of the examples and for one that is made now,
with chips that come and go, every level of every signal of one bit must have come through. Prints a line for each and
`N passed, N failed`; exits with 1 if anything failed.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
STORY = """
ugpio set demo:LED=1 demo:2=0 & holder=$!
ugpio ctl wait demo LED high --timeout 60s
ugpio ctl plug late:2
ugpio set --once late:1=1
ugpio ctl pull demo 3 up
ugpio ctl unplug late
kill $holder
"""
BOARD = '[[chip]]\nlabel = "demo"\nlines = 4\nnames = ["LED", "my button"]\n'


def parse(path):
    """The signals of one bit in a dump, in order: (name, [(time, value)]). Knows only what is needed here."""
    text = path.read_text()
    header, body = text.split("$enddefinitions $end", 1)
    signals, by_id, time = [], {}, 0
    for kind, size, code, name in re.findall(r"\$var (\w+) (\d+) (\S+) (.+?) \$end", header):
        if size == "1" and kind != "string":
            signals.append((name, []))
            by_id.setdefault(code, []).append(signals[-1][1])
    body = re.sub(r"\$comment.*?\$end", "", body, flags=re.DOTALL)
    words = iter(body.split())
    for word in words:
        if word.startswith("#"):
            time = int(word[1:])
        elif word[0] in "sbr":
            next(words)
        elif word[0] in "01xz":
            for steps in by_id.get(word[1:], []):
                steps.append((time, word[0]))
    return signals


def steps(changes, each=1, unknown="x"):
    """The changes as one sees them who looks `each` so many units of time: the last of several at a time, and
    none that changes nothing. `unknown` is what stands for no level."""
    at = {}
    for time, value in changes:
        at[time // each] = unknown if value in "xz" else value
    seen = []
    for time, value in sorted(at.items()):
        if not seen or seen[-1][1] != value:
            seen.append((time, value))
    return seen


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stdout.strip()}")


def by_gtkwave(trace, place):
    run("vcd2fst", trace, place / "a.fst")
    return by_fst2vcd(place / "a.fst", place)


def by_fst2vcd(fst, place):
    with open(place / "fst.vcd", "w") as out:
        subprocess.run(["fst2vcd", fst], stdout=out, check=True)
    return parse(place / "fst.vcd"), 1, "x"


def our_fst(trace, place):
    """The FST that was recorded together with a trace."""
    return by_fst2vcd(trace.with_suffix(".fst"), place)


def by_sigrok(trace, place):
    # It makes a sample of every unit of time: a nanosecond is too short for more than a glance.
    last = int(re.findall(r"^#(\d+)", trace.read_text(), re.MULTILINE)[-1])
    each = 1 if last < 1_000_000 else 1_000
    run("sigrok-cli", "-I", f"vcd:downsample={each}", "-i", trace, "-O", "vcd", "-o", place / "sr.vcd")
    # It knows no third level.
    return parse(place / "sr.vcd"), each, "0"


def compare(trace, read, place):
    """What is wrong with what a tool has read; None if nothing is."""
    wanted = parse(trace)
    if not wanted:
        return "the trace has no signals"
    got, each, unknown = read(trace, place)
    if [name for name, _ in got] != [name for name, _ in wanted]:
        return f"signals {[name for name, _ in got]} instead of {[name for name, _ in wanted]}"
    for (name, ours), (_, theirs) in zip(wanted, got):
        ours, theirs = steps(ours, each, unknown), steps(theirs, 1, unknown)
        if ours != theirs:
            return f"{name} is {theirs} instead of {ours}"
    return None


def made_now(ugpio, place):
    """A trace of a board on which chips come and go."""
    (place / "board.toml").write_text(BOARD)
    trace = place / "made now.vcd"
    path = f"{Path(ugpio).resolve().parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "XDG_RUNTIME_DIR": str(place)}
    words = [ugpio, "run", "--board", place / "board.toml", "--trace", trace]
    words += ["--trace", trace.with_suffix(".fst"), "--", "sh", "-c", STORY]
    subprocess.run(words, env=env, check=True, timeout=120)
    return trace


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ugpio", required=True)
    ugpio = parser.parse_args().ugpio
    passed = failed = 0
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        traces = [made_now(ugpio, place), TOP / "crates/ugpio/src/trace/vcd/golden.vcd"]
        traces += sorted(TOP.glob("examples/*/golden.vcd"))
        for trace in traces:
            readers = [("GTKWave", by_gtkwave), ("sigrok", by_sigrok)]
            if trace.with_suffix(".fst").exists():
                readers.append(("GTKWave's fst2vcd, the FST beside it,", our_fst))
            for name, read in readers:
                try:
                    problem = compare(trace, read, place)
                except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                    problem = str(error)
                passed, failed = passed + (not problem), failed + bool(problem)
                title = f"{name} reads {trace.relative_to(TOP) if TOP in trace.parents else trace.name}"
                print(f"{'FAILED' if problem else 'ok'}: {title}" + (f": {problem}" if problem else ""))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
