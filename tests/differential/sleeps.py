"""Calls on paths that sleep, are interrupted, or become another program; prints the same bare and in a run.

    sleeps.py WORK VIRTUAL

WORK is an empty directory, VIRTUAL a directory three levels deep: of the board in a run, of sysfs bare.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

work, virtual = sys.argv[1:]
os.chdir(virtual)
fifo = "../../.." + work + "/fifo"
os.mkfifo(fifo)


class Interrupted(Exception):
    pass


def interrupt(*_):
    raise Interrupted


def open_and_read():
    with open(fifo, "rb", buffering=0) as file:
        return file.read()


def write_soon(text):
    def write():
        with open(work + "/fifo", "wb") as file:
            file.write(text)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


# A handler that leaves the call.
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    open_and_read()
except Interrupted:
    print("left by a signal")

# Many signals while it sleeps; Python makes the call again after each.
count = 0


def note(*_):
    global count
    count += 1


signal.signal(signal.SIGALRM, note)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)


def after_many():
    while count < 50:
        pass
    write_soon(b"after many").join()


threading.Thread(target=after_many).start()
print(open_and_read())
signal.setitimer(signal.ITIMER_REAL, 0)

# The C library's own: with SA_RESTART the call goes on, without it is EINTR.
libc = ctypes.CDLL(None, use_errno=True)
for restart in False, True:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, not restart)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    writer = threading.Timer(0.3, lambda: write_soon(b"x").join())
    if restart:
        writer.start()
    fd = libc.open(fifo.encode(), os.O_RDONLY)
    print("restart", restart, "opened" if fd >= 0 else os.strerror(ctypes.get_errno()))
    if fd >= 0:
        print(os.read(fd, 9))
        writer.join()
        os.close(fd)

# Stopped and continued, killed.
for how in signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM:
    child = subprocess.Popen(["/bin/cat", fifo], stdout=subprocess.PIPE)
    while True:
        text = open(f"/proc/{child.pid}/wchan").read() + open(f"/proc/{child.pid}/stat").read()
        if "fifo_open" in text or "wait_for_partner" in text or text.split(") ")[1][0] == "S":
            break
    threading.Event().wait(0.05)
    os.kill(child.pid, how)
    if how == signal.SIGSTOP:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        print(how.name, "stopped", os.WIFSTOPPED(status))
        os.kill(child.pid, signal.SIGCONT)
        write_soon(b"went on").join()
        print(child.communicate()[0], child.returncode)
    else:
        print(how.name, child.wait())

# Another program, from the first thread and from another one.
program = "../../../bin/echo"
for from_thread in False, True:
    child = os.fork()
    if child == 0:

        def become():
            try:
                os.execv(program, ["echo", "hello"])
            except OSError as error:
                os.write(1, str(error).encode() + b"\n")
                os._exit(1)

        sys.stdout.flush()
        if from_thread:
            thread = threading.Thread(target=become)
            thread.start()
            thread.join()
        become()
    _, status = os.waitpid(child, 0)
    print("exec", from_thread, status, flush=True)
print(subprocess.run(["../../../bin/sh", "-c", "pwd >/dev/null; echo $((6 * 7))"], capture_output=True).stdout)
