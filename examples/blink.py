"""Blinks line 3 of the first chip until the chip is gone. Knows nothing of ugpio.

    ugpio run --chip demo -- python3 examples/blink.py
"""

import os
import sys
import time

from gpio_cdev import OUTPUT, request, set_value


def main():
    try:
        line = request(os.open("/dev/gpiochip0", os.O_RDWR), 3, OUTPUT, "blink")
        level = 1
        while True:
            set_value(line, level)
            time.sleep(0.2)
            level = 1 - level
    except OSError as error:
        sys.exit(f"blink.py: {error}")


if __name__ == "__main__":
    main()
