"""Switches a relay on and off ten times, and does not give up when the chip goes.

The post-mortem: a board file takes the chip away in the middle, and the trace shows what the program did
about it: it lost the line, found the chip again, and finished the job. Knows nothing of ugpio.
"""

import errno
import glob
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from gpio_cdev import OUTPUT, request, set_value


def relay():
    """The relay's line, of whichever chip is there; waits for one."""
    while True:
        for path in sorted(glob.glob("/dev/gpiochip*")):
            chip = None
            try:
                chip = os.open(path, os.O_RDWR)
                return request(chip, 0, OUTPUT, "keep")
            except OSError:
                pass
            finally:
                if chip is not None:
                    os.close(chip)
        time.sleep(0.01)


def main():
    line, lost = relay(), 0
    for turn in range(20):
        while True:
            try:
                set_value(line, turn % 2)
                break
            except OSError as error:
                if error.errno != errno.ENODEV:
                    raise
                lost += 1
                os.close(line)
                line = relay()
    print(f"done, lost the chip {lost} times")


main()
