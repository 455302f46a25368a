"""Stands in for `tests.gpiosim._ext`, the C extension under the test suite of the package `gpiod`.

Written from what the suite calls and from the kernel's documentation of gpio-sim: it drives the same
files as libgpiosim, and like it ends values with a NUL byte and no newline. One Chip is a device with
one bank, gone when nobody holds it any more.
"""

import itertools
import os

PULL_DOWN, PULL_UP = 1, 2
VALUE_INACTIVE, VALUE_ACTIVE = 0, 1
DIRECTION_INPUT, DIRECTION_OUTPUT_HIGH, DIRECTION_OUTPUT_LOW = 1, 2, 3

_ROOT = "/sys/kernel/config/gpio-sim"
_PULLS = {PULL_DOWN: "pull-down", PULL_UP: "pull-up"}
_DIRECTIONS = {
    DIRECTION_INPUT: "input",
    DIRECTION_OUTPUT_HIGH: "output-high",
    DIRECTION_OUTPUT_LOW: "output-low",
}
_serial = itertools.count()


def _store(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode() + b"\0")
    finally:
        os.close(fd)


def _load(path):
    with open(path) as file:
        return file.read().strip()


class Chip:
    """A simulated chip."""

    def __init__(self):
        self._made = []  # directories, the outermost first
        self._device = self._make(f"{_ROOT}/python-gpiod.{os.getpid()}.{next(_serial)}")
        self._bank = self._make(f"{self._device}/bank")

    def __del__(self):
        if _load(f"{self._device}/live") == "1":
            _store(f"{self._device}/live", "0")
        for path in reversed(self._made):
            os.rmdir(path)

    def _make(self, path):
        if path not in self._made:
            os.mkdir(path)
            self._made.append(path)
        return path

    def set_label(self, label):
        _store(f"{self._bank}/label", label)

    def set_num_lines(self, count):
        _store(f"{self._bank}/num_lines", str(count))

    def set_line_name(self, offset, name):
        _store(self._make(f"{self._bank}/line{offset}") + "/name", name)

    def set_hog(self, offset, name, direction):
        hog = self._make(self._make(f"{self._bank}/line{offset}") + "/hog")
        _store(f"{hog}/name", name)
        _store(f"{hog}/direction", _DIRECTIONS[direction])

    def enable(self):
        _store(f"{self._device}/live", "1")

    def _line(self, offset):
        platform = "/sys/devices/platform/" + _load(f"{self._device}/dev_name")
        return f"{platform}/{self.name}/sim_gpio{offset}"

    def get_value(self, offset):
        return VALUE_ACTIVE if _load(self._line(offset) + "/value") == "1" else VALUE_INACTIVE

    def set_pull(self, offset, pull):
        _store(self._line(offset) + "/pull", _PULLS[pull])

    @property
    def name(self):
        return _load(f"{self._bank}/chip_name")

    @property
    def dev_path(self):
        return f"/dev/{self.name}"
