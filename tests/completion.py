"""Completion in real shells: what was typed and completed with Tab does what it says, on a board.

python3 tests/completion.py --ugpio PATH [SHELL...]; without shells: bash, zsh, fish. The script of `ugpio completions`
is loaded in an interactive shell on a pseudo-terminal, inside a run. Nothing is read from the screen: the completed
commands run, and leave what they print in a file.
"""

import argparse
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BOARD = """
[[chip]]
label = "demo"
lines = 4
names = ["LED", "BUTTON", "TWO WORDS"]
[[chip]]
label = "other"
[[part]]
kind = "button"
name = "START"
line = "other:1"
"""

# What is typed, \t for Tab, and what is then printed. A word is completed where it stands for one thing only.
INSIDE = [
    ("ugpio ctl pull de\tBUT\tup; ugpio ctl level demo BUTTON", "high"),
    ("ugpio ctl pull demo TW\tup; ugpio ctl level demo 2", "high"),
    # The shell breaks words at colons, and at the equals sign.
    ("ugpio ctl wire loop demo:BUT\tother:7; ugpio ctl list | grep '^net \"loop'", 'net "loop" high: demo:1 other:7'),
    ("ugpio ctl unwire lo\tdemo:B\t; ugpio ctl list | grep '^net \"loop'", 'net "loop" high floating: other:7'),
    ("ugpio ctl press STA\t; ugpio ctl list | grep -o 'part.*pressed'", 'part "START" button pressed'),
    ("ugpio get BUT\t", "BUTTON=active"),
    ("ugpio get gpiochip1:7\t--num\t", "1"),
    ("ugpio det\toth\t", "gpiochip1 [other] (8 lines)"),
    ("ugpio board sho\tbeagleb\t | head -n 1 | cut -c 1-12", "# BeagleBone"),
    ("ugpio board check fold\tmy\t", "folder/my board.toml: 1 chip, 0 nets, 0 parts, 0 faults"),
    ("ugpio explain GPIO_V2_LINE_SET_C\t | cut -d' ' -f1 | head -n 1", "GPIO_V2_LINE_SET_CONFIG"),
]
# There is no run inside a run.
OUTSIDE = [
    ("ugpio run --board=jetson-n\t -- ugpio detect | head -n 1 | cut -d' ' -f1", "gpiochip0"),
    ("ugpio run -b boar\t -- ugpio dete\t | tail -n 1", "gpiochip1 [other] (8 lines)"),
    ("ugpio run --chip x --kernel-release 6.13\t -- sh folder/pri\t", "6.13.0"),
]

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(ugpio completions bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(ugpio completions zsh)"),
    "fish": (["fish", "--no-config", "-i"], "ugpio completions fish | source"),
}


def typed_into(words, lines, folder, environment):
    """What an interactive shell shows when these lines are typed into it; it ends with the last one."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(words[0], words, environment)
    left = "".join(line + "\r" for line in lines).encode()
    shown, end = b"", time.monotonic() + 120
    while True:
        if time.monotonic() > end:
            os.kill(process, 9)
            break
        readable, writable, _ = select.select([terminal], [terminal] if left else [], [], 1)
        if readable:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the shell has ended
                break
        if writable:
            # A line of a terminal takes no more than this until the shell reads it.
            left = left[os.write(terminal, left[:256]):]
    return os.waitpid(process, 0)[1], shown.decode(errors="replace")


def tried(shell, ugpio):
    """What went wrong in this shell."""
    words, load = SHELLS[shell]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "board.toml").write_text(BOARD)
        (folder / "folder").mkdir()
        (folder / "folder" / "my board.toml").write_text('[[chip]]\nlabel = "x"\n')
        (folder / "folder" / "my.txt").write_text("no board\n")
        (folder / "folder" / "print").write_text("uname -r\n")
        (folder / "bin").mkdir()
        (folder / "bin" / "ugpio").symlink_to(ugpio)
        environment = {
            **os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": name, "TERM": "xterm", "PS1": "$ ",
            "XDG_RUNTIME_DIR": name, "HISTFILE": "", "LC_ALL": "C.UTF-8",
        }
        inside = [str(folder / "bin/ugpio"), "run", "--board", "board.toml", "--", *words]
        wrong = []
        for place, start, typed in (("inside", inside, INSIDE), ("outside", words, OUTSIDE)):
            lines = [f"{line} >{place}.{number}" for number, (line, _) in enumerate(typed)]
            status, shown = typed_into(start, [load, *lines, "exit 0"], folder, environment)
            found = [f"{shell} ended with {status}"] if status else []
            for number, (line, wanted) in enumerate(typed):
                out = folder / f"{place}.{number}"
                said = out.read_text().strip() if out.exists() else "nothing"
                if said != wanted:
                    found.append(f"{shell}: {line!r} printed {said!r}, not {wanted!r}")
            wrong += [*found, shown] if found else []
        return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ugpio", required=True, type=Path)
    parser.add_argument("shells", nargs="*", default=list(SHELLS))
    given = parser.parse_args()
    failed = False
    for shell in given.shells:
        wrong = tried(shell, given.ugpio.resolve())
        print(f"{shell}: {'FAILED' if wrong else f'{len(INSIDE) + len(OUTSIDE)} lines completed'}")
        print("\n".join(wrong), end="\n" if wrong else "")
        failed = failed or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
