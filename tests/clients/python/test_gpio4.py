"""PyPI's gpio4, which opens a line's files by their modes: for all but root, by those of the group."""

import os
import select
import unittest

from gpio4 import SysfsGPIO
from world import World

FIRST = 512


class Gpio4(unittest.TestCase):
    """Lines of the chip `demo`, by their numbers."""

    def setUp(self):
        self.world = World("demo")
        self.addCleanup(self.world.socket.close)

    def line(self, offset):
        line = SysfsGPIO(FIRST + offset)
        self.addCleanup(setattr, line, "export", False)
        return line

    def test_files_are_the_caller_s_to_write(self):
        line = self.line(0)
        for name in ("value", "direction", "edge", "active_low"):
            found = os.stat(os.path.join(line.path, name))
            self.assertEqual((found.st_uid, found.st_gid), (os.geteuid(), os.getegid()))
            self.assertEqual(found.st_mode & 0o777, 0o664 if os.geteuid() else 0o644)

    def test_output(self):
        line = self.line(1)
        line.direction = "out"
        for value in (1, 0, 1):
            line.value = value
            self.world.wait(1, "high" if value else "low")
            self.assertEqual(line.value, value)
        line.active_low = True
        self.assertEqual((line.value, line.active_low), (0, True))

    def test_input(self):
        line = self.line(2)
        self.assertEqual(line.direction, b"in")
        for pull in ("up", "down"):
            self.world.pull(2, pull)
            self.assertEqual(line.value, pull == "up")

    def test_edges(self):
        line = self.line(3)
        line.edge = "both"
        self.assertEqual(line.edge, b"both")
        poll = select.poll()
        poll.register(line.fileno("value"), select.POLLPRI | select.POLLERR)
        self.assertEqual(line.value, 0)
        self.world.pull(3, "up")
        self.assertTrue(poll.poll(60000))
        self.assertEqual(line.value, 1)


if __name__ == "__main__":
    unittest.main()
