"""Runs real clients, programs that know nothing of ugpio, under `ugpio run`, without root.

    run.py --ugpio PATH --build DIR --python VENV [--container] [--strict] [--table] [NAME...]

Builds what has to be built into DIR, then runs each client of the catalogue in a home of its own as an
unprivileged user (from root: a user without name or capabilities) and prints one line each. A client
passes when its status and output are right, nothing stays behind (no process, no file), and its row in
docs/clients.md says the version and the result that were seen. A client that cannot be built fails; one
that this system does not have is named, and its row says so.
With --container each runs in a container of its own, made by podman from this machine's /usr with its
default seccomp profile and no capability. With --strict the runs are strict. With --table the rows are
written instead of compared. The last line is `N passed, N failed, N skipped`; skipped are those that the system does not have.
"""

import argparse
import dataclasses
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import table
from building import Stage, build
from catalogue import CLIENTS

MARK = "UGPIO_CLIENTS_RUN"  # in the environment of everything a client starts
USER = int(os.environ.get("UGPIO_TEST_UID", "61234"))
LIMIT = 180  # seconds for one client: ten times what the slowest takes


def leftovers(mark):
    """Processes that still carry the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except (OSError, PermissionError):
            continue
    return found


def wait_until_gone(mark, seconds):
    """Waits for each process of the client to end; those that did not."""
    deadline = time.monotonic() + seconds
    while remaining := leftovers(mark):
        for pid in remaining:
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                continue
            with os.fdopen(handle):
                left = max(0, deadline - time.monotonic())
                if not select.select([handle], [], [], left)[0]:
                    return [pid for pid in leftovers(mark)]
    return []


def environment(stage, home, mark):
    return {
        "PATH": f"{stage}/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "PYTHONDONTWRITEBYTECODE": "1",
        MARK: mark,
    }


def make_home(stage, name):
    home = stage / "home" / name
    for folder in (home, home / "tmp", home / "run"):
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, USER, USER)
    return home


def make_rootfs(stage):
    """An empty root whose programs are those of the machine."""
    rootfs = stage / "rootfs"
    for name in ("proc", "sys", "dev", "tmp", "run", "etc", "usr"):
        (rootfs / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (rootfs / name).symlink_to(f"usr/{name}")
    return rootfs


def contained(stage, home, mark):
    """The words in front of a command that runs it in a container."""
    env = [f"--env={name}={value}" for name, value in environment(stage, home, mark).items()]
    # The limits: podman's own may be above what this machine lets it set.
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]
    mounts = ["--volume=/usr:/usr:ro", f"--volume={stage}:{stage}", f"--workdir={home}"]
    user = ["--cap-drop=all", f"--user={USER}:{USER}", "--network=none"]
    podman = ["podman", "--runtime=runc", "run", "--rm", "--interactive"]
    return [*podman, *user, *limits, *mounts, *env, "--rootfs", str(stage / "rootfs")]


def run(client, stage, in_container):
    """Runs one client; what went wrong, or None, and all it said."""
    home = make_home(stage, client.name)
    mark = f"{os.getpid()}-{client.name}"
    around = [] if client.plugged is None else ["ugpio", "run", *client.plugged, "--"]
    words = [*around, *client.command]
    words = [w.format(stage=stage, python=stage / "venv/bin/python") for w in words]
    identity = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    surroundings = environment(stage, home, mark)
    if in_container:
        words = [*contained(stage, home, mark), *words]
        identity, surroundings = {}, None
    with open(stage / f"{client.name}.out", "w+b") as output:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=home,
            env=surroundings,
            start_new_session=True,
            **identity,
        )
        try:
            problem = watch(client, process, mark)
        finally:
            for pid in leftovers(mark):
                kill(pid)
        output.seek(0)
        text = output.read().decode(errors="replace")
    missing = [words for words in client.says if words not in text]
    if not problem and missing:
        problem = f"did not say {missing[0]!r}"
    files = [str(path.relative_to(home)) for path in (home / "run").rglob("*") if not path.is_dir()]
    if not problem and files:
        problem = f"left {len(files)} files behind, for one {files[0]}"
    return problem and f"{problem}\n{indent(text)}", text


def watch(client, process, mark):
    """Waits for the client, and then for all it started; what went wrong."""
    try:
        status = process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"did not end in {LIMIT} s"
    try:
        process.stdin.write(client.after.encode())
        process.stdin.close()
    except BrokenPipeError:
        pass  # nobody is left to read it; what it should have said is missed below
    if status != client.status:
        return f"ended with {status}, not {client.status}"
    if still := wait_until_gone(mark, 60):
        return f"left processes behind: {', '.join(map(describe, still))}"
    return None


def describe(pid):
    try:
        return f"{pid} ({Path(f'/proc/{pid}/cmdline').read_text().replace(chr(0), ' ').strip()})"
    except OSError:
        return str(pid)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def indent(text):
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-60:])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ugpio", type=Path, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True, help="virtual environment of prepare.sh")
    parser.add_argument("--container", action="store_true", help="needs root, podman and runc")
    parser.add_argument("--strict", action="store_true", help="those that a run starts, with --strict")
    parser.add_argument("--table", action="store_true", help="write rows of docs/clients.md")
    parser.add_argument("names", nargs="*", choices=[[], *(c.name for c in CLIENTS)])
    return parser.parse_args()


def make_stage(folder, cache):
    """The folder everything runs from, which anybody may read."""
    for path in (folder, folder / "bin", folder / "home"):
        path.mkdir(mode=0o755, exist_ok=True)
        path.chmod(0o755)
    return Stage(folder, cache)


def judge(client, stage, options, rows):
    """Runs a client and compares its row; what went wrong, or None."""
    if problem := stage.broken.get(client.name):
        return f"cannot be built\n{indent(problem)}"
    if why := stage.not_here.get(client.name):
        row = table.row_of_none(client, why)
    else:
        problem, text = run(client, stage.folder, options.container)
        if problem:
            return problem
        row = table.row(client, stage.versions, text)
    rows.append(row)
    return None if options.table else table.differs(client, row)


def main():
    options = arguments()
    # A job in the background is started to ignore these; the clients are not to inherit that.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    options.build.mkdir(parents=True, exist_ok=True)
    clients = [
        client
        for client in CLIENTS
        if (not options.names or client.name in options.names)
        and (client.contained or not options.container)
    ]
    if options.strict:
        plugged = [client for client in clients if client.plugged is not None]
        clients = [dataclasses.replace(client, plugged=["--strict", *client.plugged]) for client in plugged]
    passed, failed, skipped, rows = 0, 0, 0, []
    if not options.table and not table.told():
        print(f"docs/clients.md has no table for {table.system()}: what is seen is not compared")
    with tempfile.TemporaryDirectory(prefix="ugpio-clients.") as folder:
        stage = make_stage(Path(folder), options.build)
        build(stage, options.ugpio, options.python, {client.name for client in clients})
        if options.container:
            make_rootfs(stage.folder)
        for client in clients:
            start = time.monotonic()
            problem = judge(client, stage, options, rows)
            took = time.monotonic() - start
            why = stage.not_here.get(client.name)
            failed += bool(problem)
            skipped += bool(why and not problem)
            passed += not (why or problem)
            if problem:
                print(f"FAIL {client.name}: {problem}")
            else:
                print(f"none {client.name}: not on {table.system()}: {why}" if why else f"ok   {client.name} ({took:.1f} s)")
            sys.stdout.flush()
    if options.table:
        table.write(rows, [client.name for client in CLIENTS])
    elif strangers := table.strangers([client.name for client in CLIENTS]):
        failed += 1
        print(f"FAIL docs/clients.md: not a client: {', '.join(strangers)}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
