"""The command-line tools of Debian's package gpiod where that is libgpiod 2, every option of each.

Run as: ugpio run --board tools.toml -- python3 test_tools_2.py
"""

import contextlib
import re
import signal
import unittest

import test_tools
from test_tools import run, start
from world import World


class Tools(test_tools.Tools):
    """The board of the tools of libgpiod 1."""

    @contextlib.contextmanager
    def announced(self, *words):
        """A tool that has said by --banner that it is at work."""
        process = start(*words[:1], "--banner", *words[1:])
        try:
            process.stdout.readline()
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


class Detect(Tools):
    def test_gpiodetect(self):
        chips = {c["label"]: c for c in self.world.call("list")["chips"]}
        rows = [f"{chips[of]['name']} [{of}] ({lines} lines)\n" for of, lines in (("tools", 16), ("second", 4))]
        self.assertTrue(run("gpiodetect").stdout.startswith("".join(rows)))
        for name in (self.node[len("gpiochip") :], self.node, f"/dev/{self.node}"):
            self.says(rows[0], "gpiodetect", name)

    def test_no_such_chip(self):
        self.assertIn("gpiochip99", run("gpiodetect", "gpiochip99").stderr)


class Info(Tools):
    def words(self, *words):
        return " ".join(run("gpioinfo", *words).stdout.split())

    def test_a_chip_and_its_lines(self):
        lines = run("gpioinfo", "-c", self.node).stdout.splitlines()
        self.assertEqual((lines[0], len(lines)), (f"{self.node} - 16 lines:", 17))
        self.assertEqual(lines[2].split(), ["line", "1:", '"BUTTON"', "input"])
        self.assertEqual(self.words("-c", self.node, "15"), f"{self.node} 15 unnamed output consumer=power-hog")
        self.assertEqual(self.words("--unquoted", "BUTTON"), f"{self.node} 1 BUTTON input")

    def test_all_chips(self):
        heads = [row for row in run("gpioinfo").stdout.splitlines() if row.startswith("gpiochip")]
        self.assertEqual(len(heads), 3)

    def test_no_such_line(self):
        self.fails("cannot find line 'NOPE'", "gpioinfo", "NOPE")

    def test_flags_of_a_held_line(self):
        flags = ["-d", "open-drain", "-b", "pull-up", "-l", "-C", "me"]
        with self.announced("gpioset", *flags, "-c", self.node, "6=1"):
            self.assertEqual(self.world.level(6), "low")
            shown = "output active-low drive=open-drain bias=pull-up consumer=me"
            self.assertEqual(self.words("-c", self.node, "6"), f"{self.node} 6 unnamed {shown}")


class Get(Tools):
    def test_values(self):
        self.world.pull(1, "up")
        self.says('"BUTTON"=active\n', "gpioget", "BUTTON")
        self.says('"1"=active "0"=inactive\n', "gpioget", "-c", self.node, "1", "0")
        self.says("1 0\n", "gpioget", "--numeric", "BUTTON", "LED")
        self.says('"BUTTON"=inactive\n', "gpioget", "--active-low", "BUTTON")
        self.says("BUTTON=active\n", "gpioget", "--unquoted", "--as-is", "--strict", "BUTTON")
        self.world.pull(1, "down")

    def test_bias(self):
        for bias, value in (("pull-up", 1), ("pull-down", 0)):
            self.says(f"{value}\n", "gpioget", "--numeric", "-b", bias, "-p", "1ms", "-c", self.node, "4")

    def test_refusals(self):
        self.fails("Device or resource busy", "gpioget", "-c", self.node, "15")
        self.fails("offset 16 is out of range", "gpioget", "-c", self.node, "16")
        self.fails("cannot find GPIO chip", "gpioget", "-c", "99", "0")
        self.fails("cannot find line 'NOPE'", "gpioget", "NOPE")


class Set(Tools):
    def test_it_holds_until_it_is_ended(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.announced("gpioset", "-c", self.node, "5=on") as setter:
                self.world.wait(5, "high")
                setter.send_signal(number)
                setter.communicate()
            self.assertFalse(self.world.line(5)["used"])

    def test_toggle(self):
        with self.world.events() as events:
            self.says("", "gpioset", "--toggle", "20ms,20ms,0", "LED=1")
            for level in ("high", "low", "high"):
                events.until("level", label="tools", offset=0, level=level)
            events.until("released", label="tools", offset=0)

    def test_daemonize(self):
        with self.world.events() as events:
            self.says("", "gpioset", "-z", "-t", "200ms,0", "-c", self.node, "6=1")
            events.until("level", label="tools", offset=6, level="high")
            events.until("released", label="tools", offset=6)

    def test_drive_and_bias(self):
        for drive in ("push-pull", "open-drain", "open-source"):
            for bias in ("disabled", "pull-down", "pull-up"):
                with self.world.events() as events:
                    self.says("", "gpioset", "-t0", "-d", drive, "-b", bias, "-c", self.node, "8=1")
                    held = events.until("requested", label="tools", offset=8)
                self.assertEqual((held["drive"], held["bias"]), (drive, bias))

    def test_refusals(self):
        self.fails("Device or resource busy", "gpioset", "-t0", "-c", self.node, "15=1")
        self.fails("invalid line value: '3'", "gpioset", "-t0", "-c", self.node, "3")
        self.fails("invalid line value: '2'", "gpioset", "-t0", "-c", self.node, "3=2")


class Mon(Tools):
    def after(self, pulls, *words):
        """What gpiomon with these options prints of these pulls of line 9, which is low."""
        self.world.pull(9, "down")
        with self.announced("gpiomon", "-n", str(len(pulls)), *words, "-c", self.node, "9") as monitor:
            for pull in pulls:
                self.world.pull(9, pull)
            return self.ends(monitor)

    def edges(self, *words, pulls=("up", "down")):
        printed = self.after(pulls, "-F", "%E %o %l %c %e", *words)
        return [row.split()[0] for row in printed.splitlines()]

    def test_edges(self):
        self.assertEqual(self.edges(), ["rising", "falling"])
        self.assertEqual(self.edges("--active-low"), ["falling", "rising"])

    def test_one_edge(self):
        for edge, pulls in (("rising", ["up"]), ("falling", ["up", "down"])):
            self.world.pull(9, "down")
            with self.announced("gpiomon", "-n", "1", "-e", edge, "-c", self.node, "9") as monitor:
                for pull in pulls:
                    self.world.pull(9, pull)
                self.assertIn(edge, self.ends(monitor))

    def test_default_format(self):
        row = self.after(["up"]).split()
        self.assertRegex(row[0], r"^\d+\.\d{9}$")
        self.assertEqual(row[1:], ["rising", self.node, "9"])

    def test_clocks(self):
        for words in (["-E", "realtime"], ["-E", "realtime", "--localtime"], ["--utc"]):
            self.assertRegex(self.after(["up"], *words), r"^\d{4}-\d\d-\d\dT[\d:.]+Z?\s+rising")

    def test_all_of_a_format(self):
        printed = self.after(["up"], "-F", "%o/%l/%c/%e/%E/%S/%%")
        self.assertRegex(printed, rf"^9/unnamed/{self.node}/1/rising/\d+\.\d+/%$")

    def test_debounce_and_bias(self):
        with self.announced("gpiomon", "-p", "1ms", "-b", "pull-up", "-n", "1", "-c", self.node, "9") as monitor:
            line = self.world.line(9)
            self.assertEqual((line["debounce_us"], line["bias"], line["level"]), (1000, "pull-up", "high"))
            self.world.pull(9, "down")
            self.assertIn("falling", self.ends(monitor))

    def test_quiet(self):
        self.assertEqual(self.after(["up", "down"], "--quiet"), "")

    def test_idle_timeout(self):
        self.says("", "gpiomon", "--idle-timeout", "50ms", "-c", self.node, "9")

    def test_unplug(self):
        doomed = World("doomed")
        self.addCleanup(doomed.socket.close)
        with self.announced("gpiomon", "-c", doomed.chip["name"], "0") as monitor:
            doomed.unplug()
            self.assertIn("No such device", self.ends(monitor, status=1))


class Notify(Tools):
    def test_what_happens_to_a_line(self):
        words = ["-n", "2", "-F", "%o %E %C", "-c", self.node, "3"]
        with self.announced("gpionotify", *words) as watcher:
            run("gpioset", "-t0", "-c", self.node, "3=1")
            rows = self.ends(watcher).splitlines()
        self.assertEqual(rows, ["3 requested gpioset", "3 released unused"])

    def test_one_kind(self):
        words = ["-n", "1", "-e", "released", "-c", self.node, "3"]
        with self.announced("gpionotify", *words) as watcher:
            run("gpioset", "-t0", "-c", self.node, "3=1")
            self.assertTrue(re.fullmatch(rf"\S+\s+released\s+{self.node} 3\n", self.ends(watcher)))

    def test_idle_timeout(self):
        self.says("", "gpionotify", "--idle-timeout", "50ms", "-c", self.node, "3")


if __name__ == "__main__":
    unittest.main(verbosity=2)
