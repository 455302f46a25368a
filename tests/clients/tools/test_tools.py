"""The command-line tools of Debian's package gpiod (libgpiod 1.6, the v1 ABI), every option of each.

Run as: ugpio run --board board.toml -- python3 test_tools.py
"""

import re
import signal
import subprocess
import time
import unittest
from pathlib import Path

from world import LIMIT, World

EVENT = re.compile(r"event: +(RISING|FALLING) EDGE offset: (\d+) timestamp: \[ *(\d+)\.(\d{9})\]")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, **more)


def start(*words):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, text=True, **pipes)


class Tools(unittest.TestCase):
    """A board with the chips `tools`, `second` and `doomed`."""

    def setUp(self):
        self.world = World("tools")
        self.addCleanup(self.world.socket.close)
        self.node = self.world.chip["name"]

    def says(self, output, *words, **more):
        """The tool succeeds with exactly this output."""
        done = run(*words, **more)
        self.assertEqual((done.stderr, done.returncode), ("", 0), words)
        self.assertEqual(done.stdout, output, words)

    def fails(self, message, *words):
        """The tool fails with status 1, no output, and this in its message."""
        done = run(*words)
        self.assertEqual((done.stdout, done.returncode), ("", 1), words)
        self.assertIn(message, done.stderr)

    def ends(self, process, *, typed=None, status=0):
        """The tool ends by itself with this status; what it printed."""
        output, errors = process.communicate(typed, timeout=LIMIT)
        self.assertEqual(process.returncode, status, errors)
        return output if status == 0 else errors


class Detect(Tools):
    def test_gpiodetect(self):
        chips = self.world.call("list")["chips"]
        rows = [f"{c['name']} [{c['label']}] ({len(c['lines'])} lines)\n" for c in chips]
        self.assertEqual(sorted(c["label"] for c in chips), ["doomed", "second", "tools"])
        self.says("".join(sorted(rows)), "gpiodetect")

    def test_gpiodetect_takes_no_arguments_it_does_not_know(self):
        self.assertEqual(run("gpiodetect", "--nonsense").returncode, 1)

    def test_gpiofind(self):
        self.says(f"{self.node} 1\n", "gpiofind", "BUTTON")
        second = World("second")
        self.says(f"{second.chip['name']} 3\n", "gpiofind", "LAST")
        second.socket.close()

    def test_gpiofind_of_no_line(self):
        done = run("gpiofind", "NOBODY")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", ""))

    def test_gpiofind_output_is_input_of_gpioget(self):
        self.world.pull(1, "up")
        self.says("1\n", "sh", "-c", "gpioget $(gpiofind BUTTON)")


class Info(Tools):
    def row(self, chip, offset):
        lines = run("gpioinfo", chip).stdout.splitlines()
        return " ".join(lines[1 + offset].split())

    def test_one_chip(self):
        lines = run("gpioinfo", "tools").stdout.splitlines()
        self.assertEqual(lines[0], f"{self.node} - 16 lines:")
        self.assertEqual(len(lines), 17)
        self.assertEqual(self.row("tools", 1), 'line 1: "BUTTON" unused input active-high')
        self.assertEqual(self.row("tools", 4), "line 4: unnamed unused input active-high")
        self.assertEqual(
            self.row("tools", 15), 'line 15: unnamed "power-hog" output active-high [used]'
        )

    def test_all_chips(self):
        heads = [row for row in run("gpioinfo").stdout.splitlines() if row.startswith("gpiochip")]
        self.assertEqual(len(heads), 3)

    def test_names_of_a_chip(self):
        wanted = run("gpioinfo", self.node).stdout
        for name in (self.node[len("gpiochip") :], f"/dev/{self.node}", "tools"):
            self.says(wanted, "gpioinfo", name)

    def test_no_such_chip(self):
        self.fails("looking up chip nobody", "gpioinfo", "nobody")

    def test_flags_of_a_held_line(self):
        options = ["--active-low", "--drive=open-drain", "--bias=pull-up", "--mode=wait"]
        with self.world.events() as events:
            holder = start("gpioset", *options, "tools", "5=1")
            events.until("requested", label="tools", offset=5)
        self.assertEqual(
            self.row("tools", 5),
            'line 5: unnamed "gpioset" output active-low [used open-drain pull-up]',
        )
        self.ends(holder, typed="\n")
        self.assertIn("unused", self.row("tools", 5))


class Get(Tools):
    def test_values_in_the_order_asked_for(self):
        self.world.pull(1, "up")
        self.world.pull(2, "down")
        self.world.pull(3, "up")
        self.says("1 0 1\n", "gpioget", "tools", "1", "2", "3")
        self.says("0 1\n", "gpioget", "tools", "2", "1")

    def test_active_low(self):
        self.world.pull(1, "up")
        self.says("0\n", "gpioget", "--active-low", "tools", "1")

    def test_bias(self):
        self.says("1\n", "gpioget", "--bias=pull-up", "tools", "4")
        self.says("0\n", "gpioget", "--bias=pull-down", "tools", "4")
        self.world.pull(4, "up")
        self.says("1\n", "gpioget", "--bias=disable", "tools", "4")
        self.says("1\n", "gpioget", "--bias=as-is", "tools", "4")

    def test_a_line_in_use(self):
        self.fails("Device or resource busy", "gpioget", "tools", "15")

    def test_no_such_line_and_no_such_chip(self):
        self.fails("Invalid argument", "gpioget", "tools", "16")
        self.fails("No such file or directory", "gpioget", "nobody", "0")

    def test_an_offset_that_is_no_number(self):
        self.fails("invalid GPIO offset: LED", "gpioget", "tools", "LED")

    def test_nothing_is_held_afterwards(self):
        with self.world.events() as events:
            self.says("0\n", "gpioget", "second", "0")
            held = events.until("requested", label="second", offset=0)
            self.assertEqual((held["consumer"], held["direction"]), ("gpioget", "input"))
            events.until("released", label="second", offset=0)


class Set(Tools):
    def test_mode_exit(self):
        with self.world.events() as events:
            self.says("", "gpioset", "tools", "0=1", "2=0", "3=1")
            for offset in (0, 2, 3):
                held = events.until("requested", label="tools", offset=offset)
                self.assertEqual((held["consumer"], held["direction"]), ("gpioset", "output"))
            events.until("released", label="tools", offset=3)

    def test_mode_wait(self):
        setter = start("gpioset", "--mode=wait", "tools", "6=1", "7=0")
        self.world.wait(6, "high")
        self.assertEqual(self.world.level(7), "low")
        self.assertIsNone(setter.poll())
        self.ends(setter, typed="\n")
        self.assertFalse(self.world.line(6)["used"])

    def test_mode_wait_ends_with_its_input(self):
        self.ends(start("gpioset", "--mode=wait", "tools", "6=1"), typed="")

    def test_mode_time(self):
        with self.world.events() as events:
            self.says("", "gpioset", "--mode=time", "--sec=0", "--usec=50000", "tools", "6=1")
            held = events.until("requested", label="tools", offset=6)
            let_go = events.until("released", label="tools", offset=6)
        self.assertGreaterEqual(let_go["at_ns"] - held["at_ns"], 50_000_000)

    def test_mode_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.world.events() as events:
                setter = start("gpioset", "--mode=signal", "tools", "6=1")
                events.until("requested", label="tools", offset=6)
                self.assertEqual(self.world.level(6), "high")
                self.wait_until_blocked(setter, number)
                setter.send_signal(number)
                self.ends(setter)
                events.until("released", label="tools", offset=6)

    def wait_until_blocked(self, process, number):
        """Waits until the process would not die of this signal; nothing but its status tells."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            mask = re.search(r"SigBlk:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())[1]
            if int(mask, 16) >> (number - 1) & 1:
                return
            time.sleep(0.01)
        self.fail(f"signal {number} was never blocked")

    def test_background(self):
        with self.world.events() as events:
            words = ["--background", "--mode=time", "--usec=300000", "tools", "6=1"]
            self.says("", "gpioset", *words)
            self.assertEqual(self.world.line(6)["consumer"], "gpioset")
            self.assertEqual(self.world.level(6), "high")
            events.until("released", label="tools", offset=6)

    def test_active_low(self):
        setter = start("gpioset", "--active-low", "--mode=wait", "tools", "6=0")
        self.world.wait(6, "high")
        self.assertTrue(self.world.line(6)["active_low"])
        self.ends(setter, typed="\n")

    def test_drive_and_bias(self):
        for drive in ("push-pull", "open-drain", "open-source"):
            for bias in ("as-is", "disable", "pull-down", "pull-up"):
                with self.world.events() as events:
                    self.says("", "gpioset", f"--drive={drive}", f"--bias={bias}", "tools", "8=1")
                    held = events.until("requested", label="tools", offset=8)
                told = {"disable": "disabled"}.get(bias, bias)
                self.assertEqual((held["drive"], held["bias"]), (drive, told))

    def test_a_line_in_use(self):
        self.fails("Device or resource busy", "gpioset", "tools", "15=1")

    def test_bad_words(self):
        self.fails("invalid offset<->value mapping: 3", "gpioset", "tools", "3")
        self.fails("value must be 0 or 1: 3=2", "gpioset", "tools", "3=2")
        self.fails("Invalid argument", "gpioset", "tools", "16=1")


class Mon(Tools):
    LAST = 13  # listened to by every gpiomon after the others, and left alone

    def start(self, events, *words, offsets, label="tools"):
        """A gpiomon that listens to these lines already.

        The v1 ABI tells of a request before its edges are heard. Lines are requested one by one, so
        that those before the last are heard when the last is told of.
        """
        last = 3 if label == "doomed" else self.LAST
        monitor = start("gpiomon", *words, label, *map(str, [*offsets, last]))
        self.addCleanup(self.put_down, monitor)
        held = events.until("requested", label=label, offset=last)
        self.assertEqual(held["consumer"], "gpiomon")
        return monitor

    def put_down(self, monitor):
        """Ends what a failed test left behind: the lines are the next test's."""
        if monitor.poll() is None:
            monitor.kill()
            monitor.communicate()

    def after(self, offset, pulls, *words):
        """What gpiomon with these options prints of these pulls of a line that was low."""
        self.world.pull(offset, "down")
        with self.world.events() as events:
            monitor = self.start(events, *words, offsets=[offset])
            for pull in pulls:
                self.world.pull(offset, pull)
            return self.ends(monitor)

    def edges(self, output):
        rows = [EVENT.fullmatch(line) for line in output.splitlines()]
        self.assertNotIn(None, rows, output)
        for offset in {row[2] for row in rows}:
            times = [int(row[3]) * 10**9 + int(row[4]) for row in rows if row[2] == offset]
            self.assertEqual(times, sorted(times))
        return [(row[1], int(row[2])) for row in rows]

    def test_both_edges(self):
        printed = self.after(9, ["up", "down", "up"], "--num-events=3")
        self.assertEqual(self.edges(printed), [("RISING", 9), ("FALLING", 9), ("RISING", 9)])

    def test_rising_edges(self):
        printed = self.after(9, ["up", "down", "up"], "--rising-edge", "-n", "2")
        self.assertEqual(self.edges(printed), [("RISING", 9)] * 2)

    def test_falling_edges(self):
        printed = self.after(9, ["up", "down", "up", "down"], "--falling-edge", "-n", "2")
        self.assertEqual(self.edges(printed), [("FALLING", 9)] * 2)

    def test_active_low(self):
        printed = self.after(9, ["up", "down"], "--active-low", "-n", "2")
        self.assertEqual(self.edges(printed), [("FALLING", 9), ("RISING", 9)])

    def test_bias(self):
        with self.world.events() as events:
            monitor = self.start(events, "--bias=pull-up", "-n", "1", offsets=[9])
            self.assertEqual(self.world.level(9), "high")
            self.assertEqual(self.world.line(9)["bias"], "pull-up")
            self.world.pull(9, "down")
            self.assertEqual(self.edges(self.ends(monitor)), [("FALLING", 9)])

    def test_silent(self):
        self.assertEqual(self.after(9, ["up", "down"], "--silent", "-n", "2"), "")

    def test_format(self):
        printed = self.after(9, ["up", "down"], "--format=%o/%e/%s/%n/%%", "-n", "2")
        rows = printed.splitlines()
        self.assertRegex(rows[0], r"^9/1/\d+/\d+/%$")
        self.assertRegex(rows[1], r"^9/0/\d+/\d+/%$")

    def test_line_buffered(self):
        with self.world.events() as events:
            monitor = self.start(events, "--line-buffered", offsets=[9, 10])
            self.world.pull(9, "up")
            # What comes before the tool has ended was not held back.
            self.assertEqual(EVENT.fullmatch(monitor.stdout.readline().strip())[2], "9")
            self.world.pull(10, "up")
            self.assertEqual(EVENT.fullmatch(monitor.stdout.readline().strip())[2], "10")
            monitor.send_signal(signal.SIGTERM)
            self.assertEqual(self.ends(monitor), "")
        self.world.pull(9, "down")
        self.world.pull(10, "down")

    def test_two_lines(self):
        with self.world.events() as events:
            monitor = self.start(events, "-n", "2", offsets=[11, 12])
            self.world.pull(12, "up")
            self.world.pull(11, "up")
            self.assertEqual(sorted(self.edges(self.ends(monitor))), [("RISING", 11), ("RISING", 12)])

    def test_unplug(self):
        doomed = World("doomed")
        self.addCleanup(doomed.socket.close)
        with self.world.events() as events:
            monitor = self.start(events, offsets=[1], label="doomed")
            doomed.unplug()
            self.assertIn("No such device", self.ends(monitor, status=1))

    def test_a_line_in_use(self):
        self.fails("Device or resource busy", "gpiomon", "tools", "15")


if __name__ == "__main__":
    unittest.main(verbosity=2)
