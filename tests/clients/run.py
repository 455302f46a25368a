"""Runs real clients, programs that know nothing of ugpio, under `ugpio run`, without root.

    run.py --ugpio PATH --build DIR --python VENV [--container] [NAME...]

Builds what has to be built into DIR, then runs each client in a home of its own as an unprivileged
user (from root: a user without name or capabilities) and prints one line each. A client passes when
its status and output are right and nothing stays behind: no process, no file. A client that cannot be
built fails. With --container each runs in a container of its own, made by podman from this machine's
/usr with its default seccomp profile and no capability. The last line is `N passed, N failed`.
"""

import argparse
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = "UGPIO_CLIENTS_RUN"  # in the environment of everything a client starts
USER = int(os.environ.get("UGPIO_TEST_UID", "61234"))
LIMIT = 180  # seconds for one client: ten times what the slowest takes


@dataclass
class Client:
    """One program: what is plugged in for it, how it starts, and what it must say."""

    name: str
    plugged: list | None  # options of `ugpio run`; None starts the program without it
    command: list  # words; {stage} and {python} are filled in
    says: tuple = ()  # each must be in the output
    status: int = 0
    after: str = ""  # given to its standard input once `ugpio run` has returned
    contained: bool = True  # can run in a container, which ends with its first process


def c_client(name, chips, says, **more):
    plugged = [word for chip in chips for word in ("--chip", chip)]
    return Client(name, plugged, [f"{{stage}}/{name}"], (says,), **more)


BOARD = ["--board", "{stage}/board.toml"]
CLIENTS = [
    Client(
        "python_gpiod",
        BOARD,
        ["{python}", "{stage}/test_gpiod.py"],
        ("\nOK\n",),
    ),
    Client(
        "gpiocdev",
        BOARD,
        ["{stage}/gpiocdev-client"],
        ("edges, tokio: ok", "edges, async-io: ok", "unplug, tokio: ok"),
    ),
    Client(
        "recipe_pytest",
        ["--chip", "bench:8"],
        ["{python}", "-m", "pytest", "-q", "-p", "no:cacheprovider", "{stage}/test_recipe.py"],
        ("1 passed",),
    ),
    Client("recipe_cargo_test", ["--chip", "bench:8"], ["{stage}/recipe"], ("1 passed",)),
    c_client("rawcalls", ["raw:8", "doomed:4"], "raw system calls: ok"),
    c_client("hammer", ["hammer:16"], "hammer: ok"),
    c_client(
        "daemons",
        ["daemons:4"],
        "daemon 2: ok",
        status=7,
        after="ggg",
        contained=False,
    ),
    c_client("selfexec", ["exec:4"], "self exec: ok, 5 generations"),
    c_client("swapped", ["swap:4"], "swapped: ok"),
    c_client("stopped", ["stopped:4"], "stopped: ok"),
    c_client("killed", ["killed:4"], "killed: ok"),
    c_client("badcalls", ["bad:8"], "bad calls: ok"),
    Client(
        "leaks",
        ["--chip", "leaks:8"],
        ["{python}", "{stage}/leaks.py", "{stage}"],
        ("leaks: ok",),
    ),
    Client(
        "lifecycle",
        None,
        ["{python}", "{stage}/test_lifecycle.py"],
        ("\nOK\n",),
        contained=False,
    ),
    Client(
        "shell",
        ["--chip", "desk:8", "--chip", "doomed:4"],
        ["/bin/sh", "{stage}/client.sh"],
        ("shell: ok",),
    ),
]
C_PROGRAMS = [
    "rawcalls", "hammer", "daemons", "selfexec", "swapped", "stopped", "killed", "badcalls", "looker"
]
FILES = [
    "board.toml", "python_gpiod/test_gpiod.py", "leaks/leaks.py", "shell/client.sh",
    "lifecycle/test_lifecycle.py", "python_gpiod/test_recipe.py",
]
# Programs that docs/recipes.md shows, word for word.
RECIPES = {
    "recipe_pytest": "python_gpiod/test_recipe.py",
    "recipe_cargo_test": "gpiocdev/tests/recipe.rs",
}


def build(options, stage):
    """Builds everything into the stage; what could not be built, with the compiler's words."""
    broken = {}
    shutil.copy(options.ugpio, stage / "bin" / "ugpio")
    for file in FILES:
        shutil.copy(HERE / file, stage)
    recipes = (HERE / "../../docs/recipes.md").read_text()
    for name, file in RECIPES.items():
        broken[name] = None if (HERE / file).read_text() in recipes else f"not in recipes.md: {file}"
    shutil.copytree(options.python, stage / "venv", symlinks=True)
    flags = "-std=gnu11 -O2 -static -pthread -Wall -Wextra -Werror".split()
    for name in C_PROGRAMS:
        words = ["cc", *flags, "-o", stage / name, HERE / "c" / f"{name}.c"]
        broken[name] = build_step(words)
    cargo_clients(options.build / "gpiocdev", stage, broken)
    return broken


def cargo_clients(target, stage, broken):
    """The two programs of the gpiocdev project."""
    words = ["cargo", "test", "--release", "--locked", "--quiet", "--no-run", "--message-format=json"]
    manifest = ["--manifest-path", HERE / "gpiocdev" / "Cargo.toml", "--target-dir", target]
    done = subprocess.run([*words, *manifest], text=True, capture_output=True)
    if done.returncode:
        broken.update(gpiocdev=done.stderr, recipe_cargo_test=done.stderr)
        return
    shutil.copy(target / "release" / "gpiocdev-client", stage)
    for message in map(json.loads, done.stdout.splitlines()):
        if message.get("executable") and message["target"]["name"] == "recipe":
            shutil.copy(message["executable"], stage / "recipe")


def build_step(words):
    done = subprocess.run(words, text=True, capture_output=True, stdin=subprocess.DEVNULL)
    return done.stderr if done.returncode else None


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
    """Runs one client; None, or what went wrong."""
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
    return problem and f"{problem}\n{indent(text)}"


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
    if still := wait_until_gone(mark, 20):
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ugpio", type=Path, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True, help="virtual environment with gpiod")
    parser.add_argument("--container", action="store_true", help="needs root, podman and runc")
    parser.add_argument("names", nargs="*", choices=[[], *(c.name for c in CLIENTS)])
    options = parser.parse_args()
    # A job in the background is started to ignore these; the clients are not to inherit that.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    options.build.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="ugpio-clients.") as folder:
        stage = Path(folder)
        for path in (stage, stage / "bin", stage / "home"):
            path.mkdir(mode=0o755, exist_ok=True)
            path.chmod(0o755)
        broken = build(options, stage)
        if options.container:
            make_rootfs(stage)
        for client in CLIENTS:
            if options.names and client.name not in options.names:
                continue
            if options.container and not client.contained:
                continue
            start = time.monotonic()
            if problem := broken.get(client.name):
                problem = f"cannot be built\n{indent(problem)}"
            else:
                problem = run(client, stage, options.container)
            took = time.monotonic() - start
            passed, failed = passed + (not problem), failed + bool(problem)
            print(f"FAIL {client.name}: {problem}" if problem else f"ok   {client.name} ({took:.1f} s)")
            sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
