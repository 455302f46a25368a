"""Runs inside a run that `ugpio.run` made: starts programs when it is asked to, and says how they ended.

It is started as a script of its own, with a socket of packets on its standard input. A request is a JSON object
with three descriptors, for the program's standard input, output and error; so are answers and ends, without.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys


def start(words, cwd, env, streams):
    """Starts a program; its process."""
    if env is not None:
        env = {**env, "UGPIO_SOCKET": os.environ["UGPIO_SOCKET"]}
    return subprocess.Popen(words, cwd=cwd, env=env, stdin=streams[0], stdout=streams[1], stderr=streams[2])


def answer(channel, **message):
    channel.sendall(json.dumps(message).encode())


def main():
    channel = socket.socket(fileno=0)
    wake, ended = os.pipe()
    os.set_blocking(ended, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ended, warn_on_full_buffer=False)
    programs = {}
    while True:
        ready = select.select([channel, wake], [], [])[0]
        if wake in ready:
            os.read(wake, 4096)
            for pid, program in list(programs.items()):
                if program.poll() is not None:
                    del programs[pid]
                    answer(channel, ended=pid, status=program.returncode)
        if channel in ready:
            data, streams, _, _ = socket.recv_fds(channel, 1 << 20, 3)
            if not data:
                return
            request = json.loads(data)
            if request is None:  # is anybody there?
                answer(channel, version=1)
                continue
            try:
                program = start(request["words"], request["cwd"], request["env"], streams)
            except OSError as error:
                answer(channel, error=f"{error.filename or request['words'][0]}: {error.strerror}")
            else:
                programs[program.pid] = program
                answer(channel, started=program.pid)
                if program.poll() is not None:
                    os.write(ended, b"x")
            for stream in streams:
                os.close(stream)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)
