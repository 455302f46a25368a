"""The Python package `gpiod` (libgpiod 2 inside), as PyPI serves it, on lines that do not exist.

Nothing below is specific to ugpio but `ctl`, which plays the world outside the chip: it pulls
inputs, looks at outputs, unplugs. Each test has lines of its own, so order does not matter.

Run as: ugpio run --board ../board.toml -- python3 test_gpiod.py
"""

import errno
import os
import select
import subprocess
import threading
import time
import unittest
from datetime import timedelta

import gpiod
from gpiod.line import Bias, Clock, Direction, Drive, Edge, Value

LIMIT = 60  # seconds after which a thing that must happen counts as not happening


def ctl(*words):
    """One `ugpio ctl` command; its output without the newline."""
    done = subprocess.run(
        ["ugpio", "ctl", *map(str, words)], capture_output=True, text=True, timeout=LIMIT
    )
    if done.returncode != 0:
        raise AssertionError(f"ugpio ctl {words}: {done.stderr.strip()}")
    return done.stdout.strip()


def chip_path(label):
    """The node of the chip with this label, found as a program finds it."""
    for name in sorted(os.listdir("/dev")):
        path = "/dev/" + name
        if name.startswith("gpiochip") and gpiod.is_gpiochip_device(path):
            with gpiod.Chip(path) as chip:
                if chip.get_info().label == label:
                    return path
    raise AssertionError(f"no chip labelled {label}")


def request(label, config, **more):
    return gpiod.request_lines(chip_path(label), config=config, **more)


class ChipInfo(unittest.TestCase):
    def test_chip_info(self):
        path = chip_path("bench")
        with gpiod.Chip(path) as chip:
            info = chip.get_info()
        self.assertEqual(info.label, "bench")
        self.assertEqual(info.num_lines, 32)
        self.assertEqual("/dev/" + info.name, path)

    def test_other_files_are_not_chips(self):
        self.assertFalse(gpiod.is_gpiochip_device("/dev/null"))
        self.assertFalse(gpiod.is_gpiochip_device("/etc/passwd"))
        self.assertFalse(gpiod.is_gpiochip_device("/dev/gpiochip-none"))

    def test_chip_through_a_symbolic_link(self):
        link = os.path.join(os.environ["TMPDIR"], "bench-link")
        os.symlink(chip_path("bench"), link)
        self.addCleanup(os.unlink, link)
        self.assertTrue(gpiod.is_gpiochip_device(link))
        with gpiod.Chip(link) as chip:
            self.assertEqual(chip.get_info().label, "bench")

    def test_line_names(self):
        with gpiod.Chip(chip_path("bench")) as chip:
            self.assertEqual(chip.line_offset_from_id("BUTTON"), 1)
            self.assertEqual(chip.get_line_info(0).name, "LED")
            self.assertEqual(chip.get_line_info("LED").offset, 0)
            with self.assertRaises(OSError) as caught:
                chip.line_offset_from_id("NOBODY")
            self.assertEqual(caught.exception.errno, errno.ENOENT)

    def test_offset_beyond_the_chip(self):
        with gpiod.Chip(chip_path("bench")) as chip:
            self.assertRaises(ValueError, chip.get_line_info, 32)

    def test_hogged_line(self):
        with gpiod.Chip(chip_path("bench")) as chip:
            info = chip.get_line_info(31)
        self.assertTrue(info.used)
        self.assertEqual(info.consumer, "power-hog")
        self.assertEqual(info.direction, Direction.OUTPUT)


class Values(unittest.TestCase):
    def test_output_reaches_the_world(self):
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)
        with request("bench", {"LED": settings}, consumer="blink") as lines:
            ctl("wait", "bench", "0", "high", "--timeout", LIMIT)
            lines.set_value("LED", Value.INACTIVE)
            ctl("wait", "bench", "0", "low", "--timeout", LIMIT)
            self.assertEqual(lines.get_value("LED"), Value.INACTIVE)

    def test_input_follows_the_world(self):
        with request("bench", {1: gpiod.LineSettings(direction=Direction.INPUT)}) as lines:
            for pull, value in (("up", Value.ACTIVE), ("down", Value.INACTIVE)):
                ctl("pull", "bench", 1, pull)
                self.assertEqual(lines.get_value(1), value)

    def test_active_low_output(self):
        settings = gpiod.LineSettings(
            direction=Direction.OUTPUT, active_low=True, output_value=Value.ACTIVE
        )
        with request("bench", {2: settings}) as lines:
            ctl("wait", "bench", 2, "low", "--timeout", LIMIT)
            self.assertEqual(lines.get_value(2), Value.ACTIVE)

    def test_several_lines_in_any_order(self):
        offsets = (6, 3, 5, 4)
        out = gpiod.LineSettings(direction=Direction.OUTPUT)
        with request("bench", {offsets: out}) as lines:
            lines.set_values({5: Value.ACTIVE, 6: Value.ACTIVE})
            self.assertEqual(lines.offsets, list(offsets))
            self.assertEqual(
                lines.get_values(),
                [Value.ACTIVE, Value.INACTIVE, Value.ACTIVE, Value.INACTIVE],
            )
            self.assertEqual(lines.get_values([4, 5]), [Value.INACTIVE, Value.ACTIVE])

    def test_all_64_lines_of_a_chip(self):
        out = gpiod.LineSettings(direction=Direction.OUTPUT)
        with request("wide", {tuple(range(64)): out}) as lines:
            wanted = {n: Value.ACTIVE if n % 3 == 0 else Value.INACTIVE for n in range(64)}
            lines.set_values(wanted)
            self.assertEqual(lines.get_values(), list(wanted.values()))

    def test_a_held_line_is_busy(self):
        with request("bench", {7: None}, consumer="first"):
            with self.assertRaises(OSError) as caught:
                request("bench", {7: None}, consumer="second")
            self.assertEqual(caught.exception.errno, errno.EBUSY)
        with request("bench", {7: None}):
            pass

    def test_setting_an_input_is_refused(self):
        with request("bench", {8: gpiod.LineSettings(direction=Direction.INPUT)}) as lines:
            with self.assertRaises(PermissionError):
                lines.set_value(8, Value.ACTIVE)

    def test_what_info_says_of_a_request(self):
        settings = gpiod.LineSettings(
            direction=Direction.OUTPUT, drive=Drive.OPEN_DRAIN, active_low=True
        )
        with request("bench", {9: settings}, consumer="inspected"):
            with gpiod.Chip(chip_path("bench")) as chip:
                info = chip.get_line_info(9)
        self.assertTrue(info.used)
        self.assertEqual(info.consumer, "inspected")
        self.assertEqual(info.direction, Direction.OUTPUT)
        self.assertEqual(info.drive, Drive.OPEN_DRAIN)
        self.assertTrue(info.active_low)

    def test_bias(self):
        up = gpiod.LineSettings(direction=Direction.INPUT, bias=Bias.PULL_UP)
        with request("bench", {10: up}) as lines:
            self.assertEqual(lines.get_value(10), Value.ACTIVE)
            with gpiod.Chip(chip_path("bench")) as chip:
                self.assertEqual(chip.get_line_info(10).bias, Bias.PULL_UP)


class Reconfigure(unittest.TestCase):
    def test_input_becomes_output_and_back(self):
        with request("bench", {11: gpiod.LineSettings(direction=Direction.INPUT)}) as lines:
            lines.reconfigure_lines(
                {11: gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)}
            )
            ctl("wait", "bench", 11, "high", "--timeout", LIMIT)
            lines.reconfigure_lines({11: gpiod.LineSettings(direction=Direction.INPUT)})
            with gpiod.Chip(chip_path("bench")) as chip:
                self.assertEqual(chip.get_line_info(11).direction, Direction.INPUT)

    def test_edges_switched_on_later(self):
        with request("bench", {12: gpiod.LineSettings(direction=Direction.INPUT)}) as lines:
            lines.reconfigure_lines({12: gpiod.LineSettings(edge_detection=Edge.BOTH)})
            ctl("pull", "bench", 12, "up")
            self.assertTrue(lines.wait_edge_events(LIMIT))
            (event,) = lines.read_edge_events()
            self.assertEqual(event.event_type, event.Type.RISING_EDGE)


class EdgeEvents(unittest.TestCase):
    def both(self, offsets, **more):
        settings = gpiod.LineSettings(
            direction=Direction.INPUT, edge_detection=Edge.BOTH, **more
        )
        return request("bench", {offsets: settings})

    def test_rising_and_falling(self):
        with self.both(13) as lines:
            self.assertFalse(lines.wait_edge_events(0))
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            ctl("pull", "bench", 13, "up")
            ctl("pull", "bench", 13, "down")
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            self.assertTrue(lines.wait_edge_events(LIMIT))
            rising, falling = lines.read_edge_events()
        self.assertEqual(rising.event_type, rising.Type.RISING_EDGE)
        self.assertEqual(falling.event_type, falling.Type.FALLING_EDGE)
        self.assertEqual([rising.line_offset, falling.line_offset], [13, 13])
        self.assertEqual([rising.line_seqno, falling.line_seqno], [1, 2])
        self.assertTrue(before < rising.timestamp_ns <= falling.timestamp_ns < after)

    def test_only_the_edge_asked_for(self):
        settings = gpiod.LineSettings(direction=Direction.INPUT, edge_detection=Edge.FALLING)
        with request("bench", {14: settings}) as lines:
            ctl("pull", "bench", 14, "up")
            ctl("pull", "bench", 14, "down")
            self.assertTrue(lines.wait_edge_events(LIMIT))
            (event,) = lines.read_edge_events()
        self.assertEqual(event.event_type, event.Type.FALLING_EDGE)

    def test_sequence_numbers_of_two_lines(self):
        with self.both((15, 16)) as lines:
            for offset in (15, 16, 15):
                ctl("pull", "bench", offset, "up" if offset == 16 else self.other_level())
            events = self.read(lines, 3)
        self.assertEqual([e.line_offset for e in events], [15, 16, 15])
        self.assertEqual([e.global_seqno for e in events], [1, 2, 3])
        self.assertEqual([e.line_seqno for e in events], [1, 1, 2])

    def other_level(self):
        self.level = "down" if getattr(self, "level", "down") == "up" else "up"
        return self.level

    def read(self, lines, count):
        events = []
        while len(events) < count:
            self.assertTrue(lines.wait_edge_events(LIMIT), f"only {len(events)} events came")
            events += lines.read_edge_events()
        return events

    def test_reads_bounded_by_max_events(self):
        with self.both(17) as lines:
            for pull in ("up", "down") * 3:
                ctl("pull", "bench", 17, pull)
            self.assertEqual(len(lines.read_edge_events(2)), 2)
            self.assertEqual(len(lines.read_edge_events(12)), 4)

    def test_overflow_keeps_the_newest(self):
        with self.both(18) as lines:  # room for 16
            for _ in range(10):
                ctl("pull", "bench", 18, "up")
                ctl("pull", "bench", 18, "down")
            events = self.read(lines, 16)
            self.assertFalse(lines.wait_edge_events(0))
        self.assertEqual([e.global_seqno for e in events], list(range(5, 21)))

    def test_realtime_clock(self):
        with self.both(19, event_clock=Clock.REALTIME) as lines:
            before = time.time_ns()
            ctl("pull", "bench", 19, "up")
            (event,) = self.read(lines, 1)
        self.assertTrue(before < event.timestamp_ns < time.time_ns())

    def test_a_reader_asleep_is_woken(self):
        got = []
        with self.both(20) as lines:
            reader = threading.Thread(target=lambda: got.extend(lines.read_edge_events(1)))
            reader.start()
            ctl("pull", "bench", 20, "up")
            reader.join(LIMIT)
            self.assertFalse(reader.is_alive())
        self.assertEqual(len(got), 1)

    def test_epoll_edge_triggered(self):
        with self.both(21) as lines, select.epoll() as poller:
            poller.register(lines.fd, select.EPOLLIN | select.EPOLLET)
            for pull in ("up", "down"):
                ctl("pull", "bench", 21, pull)
                self.assertEqual(poller.poll(LIMIT), [(lines.fd, select.EPOLLIN)])
            self.assertEqual(len(lines.read_edge_events()), 2)

    def test_debounced_line(self):
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH,
            debounce_period=timedelta(milliseconds=5),
        )
        with request("bench", {22: settings}) as lines:
            with gpiod.Chip(chip_path("bench")) as chip:
                info = chip.get_line_info(22)
            self.assertTrue(info.debounced)
            self.assertEqual(info.debounce_period, timedelta(milliseconds=5))
            ctl("pull", "bench", 22, "up")
            (event,) = self.read(lines, 1)
            self.assertEqual(event.event_type, event.Type.RISING_EDGE)
            self.assertEqual(lines.get_value(22), Value.ACTIVE)


class Watch(unittest.TestCase):
    def next(self, chip):
        self.assertTrue(chip.wait_info_event(LIMIT))
        return chip.read_info_event()

    def test_requested_reconfigured_released(self):
        with gpiod.Chip(chip_path("bench")) as chip:
            self.assertFalse(chip.watch_line_info(23).used)
            with request("bench", {23: None}, consumer="watched") as lines:
                event = self.next(chip)
                self.assertEqual(event.event_type, event.Type.LINE_REQUESTED)
                self.assertEqual(event.line_info.consumer, "watched")
                lines.reconfigure_lines({23: gpiod.LineSettings(direction=Direction.OUTPUT)})
                event = self.next(chip)
                self.assertEqual(event.event_type, event.Type.LINE_CONFIG_CHANGED)
                self.assertEqual(event.line_info.direction, Direction.OUTPUT)
            event = self.next(chip)
            self.assertEqual(event.event_type, event.Type.LINE_RELEASED)
            self.assertFalse(event.line_info.used)

    def test_unwatched_line_is_silent(self):
        with gpiod.Chip(chip_path("bench")) as chip:
            chip.watch_line_info(24)
            chip.unwatch_line_info(24)
            with request("bench", {24: None}):
                pass
            self.assertFalse(chip.wait_info_event(0))


class Unplug(unittest.TestCase):
    """Each test takes down a chip of its own."""

    def assert_gone(self, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.errno, errno.ENODEV)

    def test_every_call_gives_enodev(self):
        path = chip_path("unplug-calls")
        with gpiod.Chip(path) as chip:
            lines = chip.request_lines({0: gpiod.LineSettings(direction=Direction.OUTPUT)})
            ctl("unplug", "unplug-calls")
            self.assert_gone(lines.get_value, 0)
            self.assert_gone(lines.set_value, 0, Value.ACTIVE)
            self.assert_gone(lines.reconfigure_lines, {0: None})
            self.assert_gone(chip.get_line_info, 0)
            self.assert_gone(chip.watch_line_info, 1)
            self.assertFalse(os.path.exists(path))
            lines.release()

    def test_poll_hangs_up_and_read_gives_enodev(self):
        settings = gpiod.LineSettings(edge_detection=Edge.BOTH)
        with request("unplug-edges", {0: settings}) as lines:
            poller = select.poll()
            poller.register(lines.fd, select.POLLIN)
            ctl("unplug", "unplug-edges")
            ((_, happened),) = poller.poll(LIMIT * 1000)
            self.assertTrue(happened & (select.POLLHUP | select.POLLERR))
            self.assert_gone(lines.read_edge_events)

    def test_a_sleeper_in_poll_is_woken(self):
        settings = gpiod.LineSettings(edge_detection=Edge.BOTH)
        with request("unplug-sleeper", {0: settings}) as lines:
            poller = select.poll()
            poller.register(lines.fd, select.POLLIN)
            woken = []
            sleeper = threading.Thread(target=lambda: woken.extend(poller.poll(LIMIT * 1000)))
            sleeper.start()
            ctl("unplug", "unplug-sleeper")
            sleeper.join(LIMIT)
            self.assertEqual(len(woken), 1)

    def test_info_watch_hangs_up(self):
        with gpiod.Chip(chip_path("unplug-watch")) as chip:
            chip.watch_line_info(0)
            poller = select.poll()
            poller.register(chip.fd, select.POLLIN)
            ctl("unplug", "unplug-watch")
            ((_, happened),) = poller.poll(LIMIT * 1000)
            self.assertTrue(happened & (select.POLLHUP | select.POLLERR))
            self.assert_gone(chip.read_info_event)


if __name__ == "__main__":
    unittest.main(verbosity=2)
