"""facts.py PLACE: what a program sees of files through /dev, /sys and what leads there, and what its calls do.

In a sandbox, bare and in a run, it must print the same, and leave the same in PLACE.
"""

import os
import sys

place = sys.argv[1]
os.umask(0o027)


def names(path):
    """What is in a directory, but for the board's names and those that the project's other checks make and remove."""
    return [name for name in sorted(os.listdir(path)) if not name.startswith(("gpio", "ugd_"))]


def tell(what, act):
    try:
        print(what, act())
    except OSError as error:
        print(what, error.strerror)


def text(path, **where):
    with os.fdopen(os.open(path, os.O_RDONLY, **where), "rb") as file:
        return file.read(60)


def make(path, **where):
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666, **where))
    return oct(os.stat(path, dir_fd=where.get("dir_fd")).st_mode)


def through(what, where, up):
    """The machine's files through a directory from which `up` leads to the root."""
    inside = up + place[1:]
    tell(f"{what}: read", lambda: text(f"{inside}/shown", **where))
    tell(f"{what}: closed", lambda: text(f"{up}root/.profile", **where)[:0])
    tell(f"{what}: make", lambda: make(f"{inside}/made", **where))
    tell(f"{what}: mkdir", lambda: os.mkdir(f"{inside}/dir", 0o777, **where))
    tell(f"{what}: mode", lambda: oct(os.stat(f"{inside}/dir", **where).st_mode))
    tell(f"{what}: rmdir", lambda: os.rmdir(f"{inside}/dir", **where))
    tell(f"{what}: unlink", lambda: os.unlink(f"{inside}/made", **where))
    tell(f"{what}: shared /tmp", lambda: is_there(f"{up}tmp/.facts-{os.path.basename(place)}", where))
    tell(f"{what}: /etc/hostname", lambda: text(f"{up}etc/hostname", **where))


def is_there(path, where):
    try:
        os.stat(path, **where)
    except FileNotFoundError:
        return False
    return True


print("ids", os.getuid(), os.geteuid(), os.getgid(), len(os.getgroups()))
for directory in ("/", "/dev", "/sys", "/sys/class", "/sys/bus"):
    tell(f"list {directory}", lambda: names(directory))
for directory, up in (("/dev", "../"), ("/sys", "../"), ("/sys/class", "../../"), ("/sys/bus", "../../")):
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        print(directory, error.strerror)
        continue
    through(f"from {directory}", {"dir_fd": opened}, up)
    os.chdir(directory)
    through(f"in {directory}", {}, up)
    through(f"{directory}/..", {}, directory + "/" + up)
    os.close(opened)
for link in ("/proc/self/root", "/proc/self/cwd/.."):
    os.chdir("/dev")
    tell(link, lambda: text(f"{link}{place}/shown"))
