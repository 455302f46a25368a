"""`ugpio run` seen from outside: status, signals, terminal, job control, daemons, faults.

What a shell or a test harness notices of a program must be the same with ugpio around it.

Run as: python3 test_lifecycle.py, with ugpio on the path.
"""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import unittest

LIMIT = 60  # seconds after which a thing that must happen counts as not happening


def run(*words, **more):
    """`ugpio run` with these words, to its end."""
    more = {"capture_output": True, "text": True, "timeout": LIMIT, **more}
    return subprocess.run(["ugpio", "run", *words], **more)


def start(*words, **more):
    """`ugpio run` with these words, with pipes."""
    more = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **more}
    return subprocess.Popen(["ugpio", "run", *words], text=True, **more)


def python(code):
    return [sys.executable, "-c", code]


def wait_gone(pid):
    """Waits for a process that need not be a child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        return bool(select.select([handle], [], [], LIMIT)[0])


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


class Ending(unittest.TestCase):
    def test_status_and_output_are_the_programs_own(self):
        done = run("--chip", "a", "--", "sh", "-c", "echo out; echo err >&2; exit 42")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (42, "out\n", "err\n"))

    def test_death_by_signal_is_reproduced(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGPIPE):
            done = run("--", "sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(done.returncode, -number)

    def test_what_cannot_be_started(self):
        done = run("--", "/nowhere/program")
        self.assertEqual(done.returncode, 127)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("/nowhere/program", done.stderr)
        done = run("--", "/etc/passwd")
        self.assertEqual(done.returncode, 126)

    def test_what_ugpio_cannot_do_is_125_and_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            board = os.path.join(folder, "board.toml")
            with open(board, "w") as file:
                file.write('[[chip]]\nlabel = "a"\nspeed = 9\n')
            done = run("--board", board, "--", "true")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("board.toml:3", done.stderr)
        self.assertIn("speed", done.stderr)

    def test_duplicate_labels(self):
        done = run("--chip", "a", "--chip", "a", "--", "true")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("a", done.stderr)

    def test_a_run_inside_a_run_is_refused(self):
        done = run("--", "ugpio", "run", "--", "true")
        self.assertEqual(done.returncode, 125)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_environment_and_arguments_arrive(self):
        done = run(
            "--", "sh", "-c", 'printf "%s|" "$0" "$@" "$MARK"', "x y", "", "--chip",
            env={**os.environ, "MARK": "m"},
        )
        self.assertEqual(done.stdout, "x y||--chip|m|")

    def test_no_descriptor_but_the_programs_own(self):
        listing = python("import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])")
        self.assertEqual(run("--", *listing).stdout, "[0, 1, 2]\n")


class Signals(unittest.TestCase):
    def test_signals_are_passed_on(self):
        program = python(
            "import os, signal\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])\n"
            "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):\n"
            "    signal.signal(number, lambda n, _: os.write(1, b'%d\\n' % n))\n"
            "print('ready', flush=True)\n"
            "signal.sigtimedwait([signal.SIGUSR2], 20)\n"
        )
        with start("--", *program) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
                process.send_signal(number)
                self.assertEqual(process.stdout.readline(), f"{int(number)}\n")
            process.send_signal(signal.SIGUSR2)
            self.assertEqual(process.wait(LIMIT), 0)

    def test_ignored_signals_stay_ignored(self):
        code = "import signal; print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE))"
        command = 'trap "" INT; exec "$@"'
        shell = ["sh", "-c", command, "sh"]
        bare = subprocess.run([*shell, *python(code)], capture_output=True, text=True)
        under = subprocess.run(
            [*shell, "ugpio", "run", "--", *python(code)], capture_output=True, text=True
        )
        self.assertEqual(under.stdout, bare.stdout)

    def test_terminal_and_interrupt_key(self):
        pid, terminal = pty.fork()
        if pid == 0:
            code = "import os, time; print(os.isatty(0), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\ntime.sleep(60)"
            os.execvp("ugpio", ["ugpio", "run", "--chip", "keys:4", "--", *python(code)])
        with os.fdopen(terminal, "r+b", buffering=0) as keys:
            self.assertEqual(self.read_line(keys), b"True True\r\n")
            keys.write(b"\x03")
            _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGINT)

    def test_a_person_reads_that_the_board_is_empty(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp("ugpio", ["ugpio", "run", "--", "echo", "done"])
        with os.fdopen(terminal, "r+b", buffering=0) as keys:
            self.assertTrue(self.read_line(keys).startswith(b"ugpio: the board is empty; --chip "))
            self.assertEqual(self.read_line(keys), b"done\r\n")
            _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)

    def test_stop_key_stops_the_job_and_continue_continues_it(self):
        pid, terminal = pty.fork()
        if pid == 0:
            # A shell without job control would ignore the stop key's orphaned group: be its parent.
            child = os.fork()
            if child == 0:
                os.setpgid(0, 0)
                run = ["ugpio", "run", "--chip", "keys:4", "--"]
                os.execvp("ugpio", [*run, "sh", "-c", "echo ready; read x; echo got $x"])
            # Whoever comes first; a child that has executed is refused to us.
            with contextlib.suppress(PermissionError):
                os.setpgid(child, child)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(0, child)
            _, status = os.waitpid(child, os.WUNTRACED)
            os.tcsetpgrp(0, os.getpgrp())
            print("stopped" if os.WIFSTOPPED(status) else f"not stopped: {status}", flush=True)
            os.tcsetpgrp(0, child)
            os.kill(-child, signal.SIGCONT)
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        with os.fdopen(terminal, "r+b", buffering=0) as keys:
            self.assertEqual(self.read_line(keys), b"ready\r\n")
            keys.write(b"\x1a")
            self.assertIn(b"stopped\r\n", self.read_line(keys))
            keys.write(b"again\n")
            text = b"".join(iter(lambda: self.read_line(keys), b""))
            self.assertIn(b"got again", text)
            _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)

    def read_line(self, terminal):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([terminal], [], [], LIMIT)[0]:
                self.fail(f"nothing came after {line!r}")
            try:
                byte = terminal.read(1)
            except OSError:  # the last process has closed the terminal
                return line
            if not byte:
                return line
            line += byte
        return line


class Leftovers(unittest.TestCase):
    """A program that leaves a daemon behind, which ends when it is told to."""

    def daemon(self, option):
        """A run whose daemon lives until its standard input ends; the daemon's id."""
        daemon = "exec 3<&0; cat <&3 >/dev/null & echo $!; exit 3"
        process = start(*option, "--", "sh", "-c", daemon)
        return process, int(process.stdout.readline())

    def test_the_run_returns_though_a_daemon_lives(self):
        process, daemon = self.daemon([])
        self.assertEqual(process.wait(LIMIT), 3)
        os.kill(daemon, 0)
        process.stdin.close()
        self.assertTrue(wait_gone(daemon))
        process.stdout.close()

    def test_kill_ends_daemons(self):
        process, daemon = self.daemon(["--kill"])
        self.assertEqual(process.wait(LIMIT), 3)
        self.assertTrue(wait_gone(daemon))
        process.stdin.close()
        process.stdout.close()

    def test_wait_waits_for_daemons(self):
        process, daemon = self.daemon(["--wait"])
        self.assertRaises(subprocess.TimeoutExpired, process.wait, 0.3)
        os.kill(daemon, 0)
        process.stdin.close()
        self.assertEqual(process.wait(LIMIT), 3)
        self.assertTrue(wait_gone(daemon))
        process.stdout.close()


class Faults(unittest.TestCase):
    def tree(self):
        """A run of a program with a daemon of its own: run, program, daemon, in that order."""
        process = start("--chip", "a", "--", "sh", "-c", "echo $$; setsid sleep 600 & echo $!; wait")
        program, daemon = int(process.stdout.readline()), int(process.stdout.readline())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        return process, program, daemon

    def test_kill_9_of_the_supervisor_ends_every_descendant(self):
        process, program, daemon = self.tree()
        os.kill(parent_of(program), signal.SIGKILL)
        self.assertTrue(wait_gone(program) and wait_gone(daemon))
        self.assertNotEqual(process.wait(LIMIT), 0)

    def test_kill_9_of_the_guardian_ends_every_descendant(self):
        process, program, daemon = self.tree()
        os.kill(parent_of(parent_of(program)), signal.SIGKILL)
        self.assertTrue(wait_gone(program) and wait_gone(daemon))
        self.assertNotEqual(process.wait(LIMIT), 0)

    def test_kill_9_of_the_run_ends_every_descendant(self):
        process, program, daemon = self.tree()
        process.kill()
        self.assertTrue(wait_gone(program) and wait_gone(daemon))
        self.assertEqual(process.wait(LIMIT), -signal.SIGKILL)


class Boards(unittest.TestCase):
    def test_runs_side_by_side_never_meet(self):
        runs = [start("--chip", f"chip-{n}:{n + 1}", "--", "sh", "-c", "read x; ugpio detect") for n in range(4)]
        for n, process in enumerate(runs):
            said, _ = process.communicate("\n", LIMIT)
            self.assertIn(f"chip-{n}", said)
            self.assertEqual(len(said.splitlines()), 1, said)

    def test_without_options_the_board_is_empty(self):
        done = run("--", "sh", "-c", "ls /dev/gpiochip* 2>&1; ugpio ctl list")
        self.assertIn("No such file", done.stdout)
        self.assertEqual(done.stdout.count("\n"), 1)

    def test_ctl_from_outside_finds_the_only_run(self):
        with start("--chip", "lone:4", "--", "sh", "-c", "echo up; read x") as process:
            process.stdout.readline()
            done = subprocess.run(["ugpio", "ctl", "list"], capture_output=True, text=True)
            self.assertIn("lone", done.stdout, done.stderr)
            process.communicate("\n", LIMIT)
        done = subprocess.run(["ugpio", "ctl", "list"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)

    def test_ctl_between_two_runs_lists_them(self):
        words = ("--chip", "one", "--", "sh", "-c", "echo up; read x")
        with start(*words) as first, start(*words) as second:
            first.stdout.readline(), second.stdout.readline()
            done = subprocess.run(["ugpio", "ctl", "list"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 3, done.stdout)
            for process in (first, second):
                process.communicate("\n", LIMIT)

    def test_a_socket_that_is_taken(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            with start("--socket", path, "--", "sh", "-c", "echo up; read x") as process:
                process.stdout.readline()
                self.assertEqual(os.stat(path).st_mode & 0o77, 0)
                done = run("--socket", path, "--", "true")
                self.assertEqual(done.returncode, 125)
                self.assertIn(path, done.stderr)
                process.communicate("\n", LIMIT)
            self.assertFalse(os.path.exists(path))

    def test_the_machines_own_files_are_as_they_were(self):
        look = "ls /dev /sys/class /proc/1 >/dev/null; cat /etc/passwd; stat -c %n:%i:%F /dev/null /usr/bin/env"
        bare = subprocess.run(["sh", "-c", look], capture_output=True, text=True)
        under = run("--chip", "a", "--", "sh", "-c", look)
        self.assertEqual((under.stdout, under.stderr), (bare.stdout, bare.stderr))


if __name__ == "__main__":
    unittest.main(verbosity=2)
