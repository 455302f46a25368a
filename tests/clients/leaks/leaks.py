"""Uses and returns things over and over, and looks that ugpio keeps none of them.

Ten thousand requests, a thousand processes one after another, a hundred at once, in rounds: afterwards
the processes of `ugpio run` have the descriptors and threads that they had before, and their memory has
stopped growing. What leaks grows in each round; an allocator that fills its caches, or a thread that
stood in for another on a busy machine, does not.

Run as: ugpio run --chip leaks:8 -- python3 leaks.py FOLDER-OF-THE-C-PROGRAMS
"""

import fcntl
import os
import struct
import subprocess
import sys
import time

GET_LINE = 0xC250B407
CHIP_INFO = 0x8044B401
# Of one round, and how many rounds there are at least and at most.
CYCLES, IN_TURN, AT_ONCE = 2_500, 250, 100
ROUNDS, ROUNDS_MAX = 4, 16
MEMORY_ALLOWED = 128 << 10  # bytes of one round, over all of ugpio's processes: 50 for each request


def chip():
    for name in os.listdir("/dev"):
        if name.startswith("gpiochip"):
            fd = os.open("/dev/" + name, os.O_RDWR | os.O_CLOEXEC)
            info = fcntl.ioctl(fd, CHIP_INFO, bytes(68))
            if info[32:64].rstrip(b"\0") == b"leaks":
                return fd
            os.close(fd)
    raise SystemExit("no chip labelled leaks")


def request(chip_fd, count):
    """A v2 line request for the first `count` lines as inputs; its descriptor."""
    raw = bytearray(592)
    struct.pack_into(f"<{count}I", raw, 0, *range(count))
    raw[256:261] = b"leaks"
    struct.pack_into("<Q", raw, 288, 1 << 2)
    struct.pack_into("<I", raw, 560, count)
    fcntl.ioctl(chip_fd, GET_LINE, raw)
    return struct.unpack_from("<i", raw, 588)[0]


def cycle(chip_fd, times):
    for _ in range(times):
        os.close(request(chip_fd, 8))


def look(words):
    assert subprocess.run(words, stdout=subprocess.DEVNULL).returncode == 0, words


def processes(folder, in_turn):
    for _ in range(in_turn):
        look(["/bin/true"])
    holders = [
        subprocess.Popen([folder + "/looker"], stdout=subprocess.DEVNULL) for _ in range(AT_ONCE)
    ]
    assert [h.wait() for h in holders] == [0] * AT_ONCE


def ugpio_processes():
    """The processes of this run that are ugpio itself, by their program file."""
    ugpio = os.stat(next(p for d in os.environ["PATH"].split(":") if os.path.exists(p := d + "/ugpio")))
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.samestat(os.stat(f"/proc/{pid}/exe"), ugpio):
                found.append(int(pid))
        except OSError:
            continue
    return sorted(found)


def own_memory(pid):
    """The bytes of a process that are no file's: programs map more of their file as they go on."""
    with open(f"/proc/{pid}/status") as status:
        kib = next(line for line in status if line.startswith("RssAnon:")).split()[1]
    return int(kib) << 10


def holdings():
    """Descriptors, threads and resident bytes of each of ugpio's processes."""
    result = {}
    for pid in ugpio_processes():
        fds, threads = os.listdir(f"/proc/{pid}/fd"), os.listdir(f"/proc/{pid}/task")
        result[pid] = (len(fds), len(threads), own_memory(pid))
    return result


def more(before, now):
    """Whether a process has more descriptors or threads than it had; a new one has."""
    return before is None or now[0] > before[0] or now[1] > before[1]


def settled(before):
    """What ugpio holds once it has caught up with the last close, or after 60 s as it is then."""
    deadline = time.monotonic() + 60
    while True:
        now = holdings()
        if not any(more(before.get(pid), now[pid]) for pid in now) or time.monotonic() > deadline:
            return now
        time.sleep(0.01)


def memory(held):
    return sum(resident for _, _, resident in held.values())


def main():
    folder, fd = sys.argv[1], chip()
    # Warm: caches of ugpio's, such as that of /proc directories of callers, are as full as they get.
    cycle(fd, 200)
    processes(folder, 200)
    before = last = holdings()
    assert before, "no process of ugpio found"
    grown = []
    while len(grown) < ROUNDS or grown[-1] >= MEMORY_ALLOWED and len(grown) < ROUNDS_MAX:
        cycle(fd, CYCLES)
        processes(folder, IN_TURN)
        now = settled(before)
        for pid, held in now.items():
            assert not more(before.get(pid), held), f"process {pid}: {before.get(pid)} became {held}"
        grown.append(memory(now) - memory(last))
        last = now
    rounds = ", ".join(str(more_bytes >> 10) for more_bytes in grown)
    assert grown[-1] < MEMORY_ALLOWED, f"memory grows in each round, by KiB: {rounds}"
    count = len(grown)
    print(
        f"leaks: ok, {count * CYCLES} requests, {count} x ({IN_TURN} + {AT_ONCE}) processes,"
        f" KiB more in each round: {rounds}"
    )


if __name__ == "__main__":
    main()
