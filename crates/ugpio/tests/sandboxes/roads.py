"""roads.py PLACE MAJOR:MINOR [SOCKET]: tries every road to a node of a device, and says for each what it got.

In PLACE are `node`, `dev/gpiochip0` and `dev/other`, all nodes of the device. From SOCKET come descriptors that were
opened outside the run: of the node, of the node with O_PATH, and of PLACE.
"""

import ctypes
import errno
import fcntl
import os
import platform
import socket
import stat
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
place = sys.argv[1]
device = tuple(int(part) for part in sys.argv[2].split(":"))
node = place + "/node"
arm = platform.machine() == "aarch64"
NAME_TO_HANDLE_AT, OPEN_BY_HANDLE_AT = (264, 265) if arm else (303, 304)
IO_URING_SETUP, OPEN_TREE, OPENAT2, PIDFD_GETFD = 425, 428, 437, 438
MS_BIND, MNT_DETACH, OPEN_TREE_CLONE, AT_FDCWD = 4096, 2, 1, -100
# GPIO_GET_CHIPINFO_IOCTL
CHIPINFO = 0x8044B401


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def call(number, *arguments):
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(number), *plain))


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda word: None if word is None else word.encode()
    checked(libc.mount(encode(source), encode(target), encode(kind), flags, encode(data)))


def leave(target):
    libc.umount2(target.encode(), MNT_DETACH)


def judge(descriptor):
    """What a descriptor is: the device itself, its name alone, or something else."""
    found = os.fstat(descriptor)
    with open(f"/proc/self/fdinfo/{descriptor}") as file:
        rows = dict(row.split(":", 1) for row in file if ":" in row)
    is_name = int(rows["flags"], 8) & os.O_PATH
    os.close(descriptor)
    if stat.S_ISCHR(found.st_mode) and (os.major(found.st_rdev), os.minor(found.st_rdev)) == device:
        return "name" if is_name else "REACHED"
    return "another"


def road(name, act):
    try:
        print(f"{name}: {judge(act())}")
    except OSError as error:
        print(f"{name}: {errno.errorcode.get(error.errno, error.errno)}")


def fresh(name):
    path = f"{place}/{os.getpid()}-{name}"
    return path


def read_write(path, **where):
    return os.open(path, os.O_RDWR, **where)


def made(name, make):
    path = fresh(name)
    make(path)
    try:
        return read_write(path)
    finally:
        os.unlink(path)


def renamed():
    path = fresh("old")
    os.mknod(path, 0o20666, os.makedev(*device))
    os.rename(path, path + "x")
    try:
        return read_write(path + "x")
    finally:
        os.unlink(path + "x")


def by_handle():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 8 + 128)
    mount_id = ctypes.c_int()
    call(NAME_TO_HANDLE_AT, AT_FDCWD, node.encode(), handle, ctypes.byref(mount_id), 0)
    return call(OPEN_BY_HANDLE_AT, os.open(place, os.O_RDONLY), handle, os.O_RDWR)


def tree(path, flags):
    return call(OPEN_TREE, AT_FDCWD, path.encode(), flags | os.O_CLOEXEC)


def mounted(source, name, path, detach=False, is_file=False, **more):
    """Opens `path` in a mount, which may be taken away while a descriptor of it is held."""
    target = fresh(name)
    os.close(os.open(target, os.O_CREAT)) if is_file else os.mkdir(target)
    try:
        mount(source, target, flags=MS_BIND, **more)
        held = os.open(target, os.O_PATH)
        if detach:
            leave(target)
            return read_write(path, dir_fd=held)
        try:
            return read_write(target + path)
        finally:
            leave(target)
    finally:
        os.unlink(target) if is_file else os.rmdir(target)


def over_dev():
    mount(place + "/dev", "/dev", flags=MS_BIND)
    try:
        return read_write("/dev/other")
    finally:
        leave("/dev")


def overlaid():
    mount("none", "/mnt", "tmpfs")
    try:
        for name in ("up", "work", "all"):
            os.mkdir("/mnt/" + name)
        data = f"lowerdir={place},upperdir=/mnt/up,workdir=/mnt/work"
        mount("overlay", "/mnt/all", "overlay", data=data)
        try:
            return read_write("/mnt/all/node")
        finally:
            leave("/mnt/all")
    finally:
        leave("/mnt")


def in_child(act):
    """What a child opens, passed over a socket."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            socket.send_fds(theirs, [b"x"], [act()])
        except OSError as error:
            theirs.send(struct.pack("i", error.errno))
        os._exit(0)
    os.waitpid(child, 0)
    answer, descriptors, _, _ = socket.recv_fds(ours, 8, 1)
    if descriptors:
        return descriptors[0]
    raise OSError(struct.unpack("i", answer)[0], "in a child")


def rooted(root, path, held=None):
    held = held and os.open(held, os.O_RDONLY)
    os.chroot(root)
    os.chdir("/")
    return read_write(path) if held is None else read_write(path, dir_fd=held)


def of_another_mounts():
    """Through /proc/PID/root of a process with mounts of its own."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            checked(libc.unshare(0x20000))
            mount(place + "/dev", "/mnt", flags=MS_BIND)
            theirs.send(b"\0\0\0\0")
        except OSError as error:
            theirs.send(struct.pack("i", error.errno))
        theirs.recv(1)
        os._exit(0)
    try:
        failed = struct.unpack("i", ours.recv(4))[0]
        if failed:
            raise OSError(failed, "in a child")
        return read_write(f"/proc/{child}/root/mnt/other")
    finally:
        ours.send(b"x")
        os.waitpid(child, 0)


def taken_by_pidfd():
    """A name that another process holds."""
    held = os.open(node, os.O_PATH)
    number = call(PIDFD_GETFD, os.pidfd_open(os.getpid()), held, 0)
    return read_write(f"/proc/self/fd/{number}")


road("open", lambda: read_write(node))
road("open for reading", lambda: os.open(node, os.O_RDONLY))
road("from a directory", lambda: read_write("node", dir_fd=os.open(place, os.O_PATH)))
os.chdir(place)
road("from the working directory", lambda: read_write("./dev/../node"))
road("/proc/self/fd", lambda: read_write(f"/proc/self/fd/{os.open(node, os.O_PATH)}"))
road("/dev/fd", lambda: read_write(f"/dev/fd/{os.open(node, os.O_PATH)}"))
road("/proc/self/fd of a directory", lambda: read_write(f"/proc/self/fd/{os.open(place, os.O_PATH)}/node"))
road("/proc/self/root", lambda: read_write("/proc/self/root" + node))
road("/proc/PID/root", lambda: read_write(f"/proc/{os.getpid()}/root{node}"))
road("/proc/PID/cwd", lambda: read_write(f"/proc/{os.getpid()}/cwd/node"))
road("/proc/PID/root of other mounts", of_another_mounts)
road("pidfd_getfd", taken_by_pidfd)
for name, resolve in (("no xdev", 1), ("no magic links", 2), ("no links", 4), ("beneath", 8), ("in root", 16), ("cached", 32)):
    how = struct.pack("QQQ", os.O_RDWR, 0, resolve)
    road(f"openat2, {name}", lambda: call(OPENAT2, os.open(place, os.O_RDONLY), b"node", how, len(how)))
road("link", lambda: made("soft", lambda path: os.symlink("node", path)))
road("hard link", lambda: made("hard", lambda path: os.link(node, path)))
road("mknod", lambda: made("made", lambda path: os.mknod(path, 0o20666, os.makedev(*device))))
road("rename", renamed)
road("handle", by_handle)
road("open_tree", lambda: read_write("node", dir_fd=tree(place, 0)))
road("open_tree, cloned", lambda: read_write("node", dir_fd=tree(place, OPEN_TREE_CLONE)))
road("open_tree of the node", lambda: read_write(f"/proc/self/fd/{tree(node, OPEN_TREE_CLONE)}"))
road("bind of the node", lambda: mounted(node, "place", "", is_file=True))
road("bind of a directory", lambda: mounted(place + "/dev", "bound", "/other"))
road("bind, taken away", lambda: mounted(place + "/dev", "away", "gpiochip0", detach=True))
road("bind over /dev", over_dev)
road("overlay", overlaid)
road("chroot", lambda: in_child(lambda: rooted(place, "/node")))
road("chroot with a /dev", lambda: in_child(lambda: rooted(place, "/dev/other")))
road("chroot, from outside it", lambda: in_child(lambda: rooted(place + "/dev", node[1:], held="/")))
road("io_uring", lambda: call(IO_URING_SETUP, 4, ctypes.create_string_buffer(256)))
if len(sys.argv) > 3:
    with socket.socket(socket.AF_UNIX) as passing:
        passing.connect(sys.argv[3])
        _, (opened, name, directory), _, _ = socket.recv_fds(passing, 8, 3)
    road("passed, opened anew", lambda: read_write(f"/proc/self/fd/{opened}"))
    road("passed as a name", lambda: read_write(f"/proc/self/fd/{name}"))
    road("from a passed directory", lambda: read_write("node", dir_fd=directory))
    try:
        print(f"ioctl of a passed one: {fcntl.ioctl(opened, CHIPINFO, bytes(68))}")
    except OSError as error:
        print(f"ioctl of a passed one: {errno.errorcode[error.errno]}")
print("end")
