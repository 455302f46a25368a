"""Runs the program `dying` again and again and looks at what the supervisor keeps of the dead.

    drive.py --ugpio PATH --dying PATH --seconds N [--seed N]

Each run has a seed of its own, which is printed where something is wrong; the last line counts calls and deaths.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROUNDS = 40
SLOTS = 6
# In a name space for processes, where numbers can be chosen, if this machine lets us. The first process of one cannot
# die by a signal, so a shell is that, and waits until nothing of the run is left.
SPACES = ["unshare", "--user", "--map-current-user", "--keep-caps", "--pid", "--fork", "--mount-proc", "--kill-child"]
# Counted without a process of the shell's own.
AFTER = """
"$@"; status=$?; tries=0
set -- /proc/[0-9]*
while [ $# -gt 1 ] && [ $tries -lt 500 ]; do sleep 0.01; tries=$((tries + 1)); set -- /proc/[0-9]*; done
[ $# -eq 1 ] || { echo "processes are left over:" $(cat /proc/[0-9]*/comm) >&2; exit 98; }
exit $status
"""
# What is kept of the dead is bounded, not nothing: directories of /proc, images, guesses.
MARGIN_DESCRIPTORS = 16
MARGIN_KB = 4096


def fail(text):
    print(f"dying: {text}", file=sys.stderr)
    sys.exit(1)


def parent_and_name(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return int(rest[1]), name


def descendants(top):
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)], names[int(entry)] = parent_and_name(entry)
            except (FileNotFoundError, ProcessLookupError):
                pass
    found = {top}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: (parents[pid], names[pid]) for pid in found if pid in parents}


def supervisor_of(top):
    """The parent of the program, as this name space numbers it."""
    below = descendants(top)
    programs = [pid for pid, (parent, name) in below.items() if name == "dying" and below.get(parent, (0, ""))[1] != "dying"]
    if len(programs) != 1:
        fail(f"not one program but {below}")
    return below[programs[0]][0]


def kept(supervisor):
    """Descriptors, threads and kilobytes."""
    status = pathlib.Path(f"/proc/{supervisor}/status").read_text()
    rows = dict(row.split(":", 1) for row in status.splitlines())
    return len(os.listdir(f"/proc/{supervisor}/fd")), int(rows["Threads"]), int(rows["VmRSS"].split()[0])


def settled(supervisor, threads):
    """What is kept, once there are no more threads than so many; those that called sleepers back end by themselves."""
    until = time.monotonic() + 20
    while (now := kept(supervisor))[1] > threads and time.monotonic() < until:
        time.sleep(0.02)
    return now


def one_run(arguments, seed, flags, spaces, until):
    home = tempfile.mkdtemp(prefix="ugpio-dying.")
    work, runtime = os.path.join(home, "work"), os.path.join(home, "run")
    os.mkdir(work)
    os.mkdir(runtime, 0o700)
    command = [*spaces, "sh", "-c", AFTER, "sh", arguments.ugpio, "run", *flags, "--chip", "a:24", "--", arguments.dying, str(seed), str(ROUNDS), work]
    if not spaces:
        command = command[4:]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "XDG_RUNTIME_DIR": runtime, "TMPDIR": runtime}, text=True)
    seen, calls, rounds, reused = [], 0, 0, 0
    is_stopped = False
    for line in run.stdout:
        _, rounds, calls, reused = line.split()
        supervisor = supervisor_of(run.pid)
        seen.append(settled(supervisor, seen[0][1] if seen else 1000))
        is_stopped = time.monotonic() > until
        if is_stopped:
            break
        run.stdin.write("\n")
        run.stdin.flush()
    run.stdin.close()
    rest = run.stdout.read()
    status = run.wait()
    where = f"seed {seed}, {' '.join(flags) or 'default'}"
    killed = 137 if spaces else -9
    expected = 3 if is_stopped else killed if seed & 1 else 0
    if status != expected or rest:
        fail(f"{where}: status {status} instead of {expected} after {rounds} rounds {rest}")
    if len(seen) > 1:
        (descriptors, threads, memory), last = (max(column) for column in zip(*seen[:2])), seen[-1]
        if last[0] > descriptors + MARGIN_DESCRIPTORS or last[1] > seen[0][1] or last[2] > memory + MARGIN_KB:
            fail(f"{where}: the supervisor keeps (descriptors, threads, kB) {seen}")
    left = [name for name in os.listdir(runtime) if name != "ugpio" or os.listdir(os.path.join(runtime, name))]
    if left:
        fail(f"{where}: left over: {left}")
    remove(home)
    return int(calls), int(rounds) * SLOTS, int(reused)


def remove(home):
    """The calls have made directories of any mode."""
    for place, names, _ in os.walk(home):
        for name in names:
            directory = os.path.join(place, name)
            if not os.path.islink(directory):
                os.chmod(directory, 0o700)
    shutil.rmtree(home)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ugpio", required=True)
    parser.add_argument("--dying", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    spaces = SPACES if subprocess.run([*SPACES, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0 else []
    until = time.monotonic() + arguments.seconds
    calls = deaths = reused = runs = 0
    print(f"dying: seed {arguments.seed}{'' if spaces else ', numbers are not used again'}", flush=True)
    while time.monotonic() < until:
        # Both kinds of each: with and without --strict, ending by itself and killed.
        made = one_run(arguments, arguments.seed + runs, [["--strict"], []][runs // 2 % 2], spaces, until)
        calls, deaths, reused, runs = calls + made[0], deaths + made[1], reused + made[2], runs + 1
    print(f"dying: ok, {runs} runs, {calls} calls, {deaths} processes died, {reused} had the number of one that died")


main()
