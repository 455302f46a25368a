"""The Python package `lgpio`, as PyPI serves it: claims, groups, alerts from its threads, pulses.

Run as: ugpio run --board pi.toml -- python3 test_lgpio.py
"""

import queue
import unittest

import lgpio
from world import LIMIT, World

IS_KERNEL, IS_OUT, ACTIVE_LOW, OPEN_DRAIN, PULL_UP, IS_IN = 1, 2, 4, 8, 32, 1 << 16


def setUpModule():
    """Watches a line all the time.

    When lgpio's thread has no line to watch it goes to sleep, and a line that comes at that very moment
    does not wake it (lgpio 0.2.2: no predicate around its condition variable).
    """
    chip = lgpio.gpiochip_open(0)
    unittest.addModuleCleanup(lgpio.gpiochip_close, chip)
    lgpio.gpio_claim_alert(chip, 50, lgpio.BOTH_EDGES)


class Lgpio(unittest.TestCase):
    """The first chip, opened."""

    def setUp(self):
        self.world = World("pinctrl-bcm2711")
        self.addCleanup(self.world.socket.close)
        self.chip = lgpio.gpiochip_open(0)
        self.addCleanup(lgpio.gpiochip_close, self.chip)

    def refused(self, code, call, *arguments):
        with self.assertRaises(lgpio.error) as caught:
            call(*arguments)
        self.assertEqual(str(caught.exception), f"'{lgpio.error_text(code)}'")

    def alerts(self, gpio, edges):
        """A queue that lgpio's thread puts the levels of this line's alerts into."""
        seen = queue.Queue()
        call = lgpio.callback(self.chip, gpio, edges, lambda _chip, _gpio, level, _at: seen.put(level))
        self.addCleanup(call.cancel)
        return seen


class Info(Lgpio):
    def test_chip(self):
        _, lines, name, label = lgpio.gpio_get_chip_info(self.chip)
        self.assertEqual((lines, name, label), (58, "gpiochip0", "pinctrl-bcm2711"))

    def test_line(self):
        _, offset, flags, name, user = lgpio.gpio_get_line_info(self.chip, 16)
        self.assertEqual((offset, flags, name, user), (16, IS_IN, "BUTTON", ""))
        _, _, flags, _, user = lgpio.gpio_get_line_info(self.chip, 40)
        self.assertEqual((flags & (IS_KERNEL | IS_OUT), user), (IS_KERNEL | IS_OUT, "power-hog"))

    def test_no_such_chip(self):
        self.refused(lgpio.CANNOT_OPEN_CHIP, lgpio.gpiochip_open, 9)


class Lines(Lgpio):
    def test_input(self):
        lgpio.gpio_claim_input(self.chip, 2)
        self.assertEqual(self.world.line(2)["consumer"], "lg")
        self.world.pull(2, "up")
        self.assertEqual(lgpio.gpio_read(self.chip, 2), 1)
        self.world.pull(2, "down")
        self.assertEqual(lgpio.gpio_read(self.chip, 2), 0)

    def test_output(self):
        lgpio.gpio_claim_output(self.chip, 21, 1)
        self.assertEqual(self.world.level(21), "high")
        lgpio.gpio_write(self.chip, 21, 0)
        self.assertEqual(self.world.level(21), "low")

    def test_flags(self):
        lgpio.gpio_claim_output(self.chip, 3, 1, lgpio.SET_ACTIVE_LOW | lgpio.SET_OPEN_DRAIN)
        self.assertEqual(self.world.level(3), "low")
        mode = lgpio.gpio_get_mode(self.chip, 3)
        self.assertEqual(mode & (ACTIVE_LOW | OPEN_DRAIN), ACTIVE_LOW | OPEN_DRAIN)
        lgpio.gpio_claim_input(self.chip, 4, lgpio.SET_PULL_UP)
        self.assertEqual(lgpio.gpio_read(self.chip, 4), 1)
        self.assertTrue(lgpio.gpio_get_mode(self.chip, 4) & PULL_UP)

    def test_free(self):
        lgpio.gpio_claim_output(self.chip, 5)
        self.assertTrue(self.world.line(5)["used"])
        lgpio.gpio_free(self.chip, 5)
        self.assertFalse(self.world.line(5)["used"])
        self.refused(lgpio.GPIO_NOT_ALLOCATED, lgpio.gpio_free, self.chip, 5)

    def test_a_line_in_use(self):
        self.refused(lgpio.GPIO_BUSY, lgpio.gpio_claim_input, self.chip, 40)

    def test_no_such_line(self):
        # The kernel's EINVAL has no word of its own in lgpio.
        self.refused(lgpio.UNEGPECTED_ERROR, lgpio.gpio_claim_input, self.chip, 58)

    def test_groups(self):
        lgpio.group_claim_output(self.chip, [6, 7, 8], [1, 0, 1])
        self.assertEqual([self.world.level(line) for line in (6, 7, 8)], ["high", "low", "high"])
        lgpio.group_write(self.chip, 6, 0b010, 0b011)
        self.assertEqual([self.world.level(line) for line in (6, 7, 8)], ["low", "high", "high"])
        self.assertEqual(lgpio.group_read(self.chip, 6)[1], 0b110)
        lgpio.group_free(self.chip, 6)
        lgpio.group_claim_input(self.chip, [9, 10])
        self.world.pull(10, "up")
        self.assertEqual(lgpio.group_read(self.chip, 9)[1], 0b10)

    def test_closing_frees_all(self):
        chip = lgpio.gpiochip_open(0)
        lgpio.gpio_claim_output(chip, 11)
        lgpio.gpiochip_close(chip)
        self.assertFalse(self.world.line(11)["used"])


class Alerts(Lgpio):
    def test_both_edges(self):
        lgpio.gpio_claim_alert(self.chip, 16, lgpio.BOTH_EDGES)
        seen = self.alerts(16, lgpio.BOTH_EDGES)
        for pull in ("up", "down", "up"):
            self.world.pull(16, pull)
        self.assertEqual([seen.get(timeout=LIMIT) for _ in range(3)], [1, 0, 1])

    def test_falling_edges(self):
        lgpio.gpio_claim_alert(self.chip, 17, lgpio.FALLING_EDGE)
        seen = self.alerts(17, lgpio.FALLING_EDGE)
        for pull in ("up", "down", "up", "down"):
            self.world.pull(17, pull)
        self.assertEqual([seen.get(timeout=LIMIT) for _ in range(2)], [0, 0])

    def test_many_edges_come_all(self):
        """lgpio reads up to 128 records at once."""
        lgpio.gpio_claim_alert(self.chip, 18, lgpio.BOTH_EDGES)
        seen = self.alerts(18, lgpio.BOTH_EDGES)
        for _ in range(200):
            self.world.pull(18, "up")
            self.assertEqual(seen.get(timeout=LIMIT), 1)
            self.world.pull(18, "down")
            self.assertEqual(seen.get(timeout=LIMIT), 0)

    def test_watchdog(self):
        lgpio.gpio_claim_alert(self.chip, 19, lgpio.BOTH_EDGES)
        seen = self.alerts(19, lgpio.BOTH_EDGES)
        lgpio.gpio_set_watchdog_micros(self.chip, 19, 20_000)
        self.world.pull(19, "up")
        # On a busy machine it barks before the edge, too.
        while (first := seen.get(timeout=LIMIT)) == lgpio.TIMEOUT:
            pass
        self.assertEqual(first, 1)
        self.assertEqual(seen.get(timeout=LIMIT), lgpio.TIMEOUT)

    def test_debounce(self):
        lgpio.gpio_claim_alert(self.chip, 20, lgpio.BOTH_EDGES)
        lgpio.gpio_set_debounce_micros(self.chip, 20, 5_000)
        seen = self.alerts(20, lgpio.BOTH_EDGES)
        self.world.pull(20, "up")
        self.assertEqual(seen.get(timeout=LIMIT), 1)


class Transmission(Lgpio):
    def test_pulses(self):
        lgpio.gpio_claim_output(self.chip, 12)
        with self.world.events() as events:
            lgpio.tx_pulse(self.chip, 12, 1000, 1000, 0, 3)
            for _ in range(3):
                events.until("level", offset=12, level="high")
                events.until("level", offset=12, level="low")


if __name__ == "__main__":
    unittest.main(verbosity=2)
