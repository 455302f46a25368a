"""Has the tools that people look at waveforms with read traces of ugpio's, and compares.

    readers.py --ugpio PATH

sigrok-cli reads with what PulseView reads with; `vcd2fst` with what GTKWave reads with, and `fst2vcd` writes
down what it understood, of our own FST too. For the golden traces of the examples and for one that is made now,
with chips that come and go, every level of every signal of one bit must have come through. The other way round,
ugpio reads what simulators and tools write: Icarus Verilog, Verilator, GHDL, GTKWave, sigrok-cli. Prints a line for each and
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


VERILOG = """`timescale 1ns / 1ps
module tb;
  reg a = 0;
  reg [3:0] bus = 0;
  wire b = ~a;
  initial begin
    $dumpfile("made.vcd");
    $dumpvars(0, tb);
    #10 a = 1; bus = 5;
    #20 a = 0;
    #5 a = 1;
    #5 $finish;
  end
endmodule
"""
VHDL = """library ieee;
use ieee.std_logic_1164.all;
entity tb is end;
architecture sim of tb is
  signal a : std_logic := '0';
  signal b : std_logic;
  signal bus4 : std_logic_vector(3 downto 0) := "0000";
begin
  b <= not a;
  process begin
    wait for 10 ns; a <= '1'; bus4 <= "UX01";
    wait for 20 ns; a <= '0';
    wait for 5 ns; a <= '1';
    wait for 5 ns; wait;
  end process;
end;
"""
DUMP = """$timescale 1 ns $end
$scope module tb $end
$var wire 1 A a $end
$var wire 1 C b $end
$upscope $end
$enddefinitions $end
#0 0A 1C
#10 1A 0C
#30 0A 1C
#35 1A 0C
#40
"""
# What all of them say: `a` rises at 10, falls at 30 and rises at 35 ns; a column is 5 ns.
ROWS = {"a": "▁▁/▔▔▔\\/", "b": "▔▔\\▁▁▁/\\"}


def made_by_icarus(place):
    (place / "tb.v").write_text(VERILOG)
    run("iverilog", "-g2012", "-o", place / "tb.vvp", place / "tb.v")
    subprocess.run(["vvp", "-n", "tb.vvp"], cwd=place, stdout=subprocess.DEVNULL, check=True)
    return place / "made.vcd"


def made_by_icarus_and_gtkwave(place):
    """Through GTKWave's own format and back."""
    run("vcd2fst", made_by_icarus(place), place / "made.fst")
    with open(place / "back.vcd", "w") as out:
        subprocess.run(["fst2vcd", place / "made.fst"], stdout=out, check=True)
    return place / "back.vcd"


def made_by_verilator(place):
    (place / "tb.v").write_text(VERILOG)
    words = ["verilator", "--binary", "--trace", "-Wno-fatal", "-O0", "-CFLAGS", "-O0", "--Mdir", place / "obj", place / "tb.v"]
    subprocess.run(words, cwd=place, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([place / "obj/Vtb"], cwd=place, stdout=subprocess.DEVNULL, check=True)
    return place / "made.vcd"


def made_by_ghdl(place):
    (place / "tb.vhdl").write_text(VHDL)
    for words in [["-a", "tb.vhdl"], ["-e", "tb"], ["-r", "tb", "--stop-time=40ns", "--vcd=made.vcd"]]:
        subprocess.run(["ghdl", *words], cwd=place, check=True, stdout=subprocess.DEVNULL)
    return place / "made.vcd"


def made_by_sigrok(place):
    """Of a dump, by way of sigrok's library, which takes a bus of the identifier `#` for a time."""
    source = place / "in.vcd"
    source.write_text(DUMP)
    run("sigrok-cli", "-I", "vcd", "-i", source, "-O", "vcd", "-o", place / "sr.vcd")
    return place / "sr.vcd"


def shown(ugpio, path, name):
    """The row of a signal, from 0 to 40 ns, a column for 5."""
    words = [ugpio, "trace", "show", path, name, "--from", "0ns", "--to", "40ns", "--width", "8"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout.strip())
    return done.stdout.splitlines()[0].split()[-1]


def foreign(ugpio, make, place):
    """What is wrong with how ugpio reads what a tool wrote; None if nothing is."""
    path = make(place)
    for name, wanted in ROWS.items():
        got = shown(ugpio, path, name)
        if got != wanted:
            return f"{name} is {got} instead of {wanted}"
    same = subprocess.run([ugpio, "trace", "diff", path, path], stdout=subprocess.PIPE, text=True, check=False)
    if same.returncode or not same.stdout.startswith("no difference: "):
        return f"it differs from itself: {same.stdout.strip()}"
    return None


WRITERS = [
    ("Icarus Verilog", made_by_icarus),
    ("GTKWave's vcd2fst and fst2vcd", made_by_icarus_and_gtkwave),
    ("Verilator", made_by_verilator),
    ("GHDL", made_by_ghdl),
    ("sigrok-cli", made_by_sigrok),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ugpio", required=True)
    ugpio = str(Path(parser.parse_args().ugpio).resolve())
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
    for name, make in WRITERS:
        with tempfile.TemporaryDirectory() as place:
            try:
                problem = foreign(ugpio, make, Path(place))
            except (RuntimeError, OSError, subprocess.CalledProcessError, IndexError) as error:
                problem = str(error)
        passed, failed = passed + (not problem), failed + bool(problem)
        print(f"{'FAILED' if problem else 'ok'}: ugpio reads what {name} wrote" + (f": {problem}" if problem else ""))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
