import subprocess

import gpiod
from gpiod.line import Direction, Value


def test_the_led_is_lit():
    lit = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)
    with gpiod.request_lines("/dev/gpiochip0", {3: lit}):
        subprocess.run("ugpio ctl wait bench 3 high --timeout 5".split(), check=True)
