"""Libraries that ask which board they are on take the boards of `--board NAME` for what they are.

Starts its runs itself: python3 test_machines.py
"""

import subprocess
import sys
import unittest

LIMIT = 60
ASK_PLATFORMDETECT = """
import adafruit_platformdetect
found = adafruit_platformdetect.Detector()
print(found.chip.id, found.board.id)
"""
# What is driven there is seen from outside.
ASK_GPIOZERO = """
import subprocess, gpiozero
from gpiozero.pins.lgpio import LGPIOFactory
gpiozero.Device.pin_factory = LGPIOFactory()
led = gpiozero.LED(17)
led.on()
seen = subprocess.run(["ugpio", "ctl", "level", "LABEL", "17"], capture_output=True, text=True).stdout.strip()
print(gpiozero.Device.pin_factory.board_info.model, seen)
"""
# Board pin 12 is line 79 there.
ASK_JETSON = """
import subprocess
import Jetson.GPIO as GPIO
GPIO.setmode(GPIO.BOARD)
GPIO.setup(12, GPIO.OUT, initial=GPIO.HIGH)
seen = subprocess.run(["ugpio", "ctl", "level", "tegra-gpio", "79"], capture_output=True, text=True).stdout.strip()
print(GPIO.model, seen)
"""


def asked(board, script):
    """What the script prints in a run with this board."""
    words = ["ugpio", "run", "--board", board, "--", sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode:
        raise AssertionError(f"{board}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class Machines(unittest.TestCase):
    def test_platformdetect(self):
        for board, told in {
            "pi4": "BCM2XXX RASPBERRY_PI_4B",
            "pi5": "BCM2XXX RASPBERRY_PI_5",
            "pi-zero-2w": "BCM2XXX RASPBERRY_PI_ZERO_2_W",
            "jetson-nano": "T210 JETSON_NANO",
            "beaglebone": "AM33XX BEAGLEBONE_BLACK",
            "beagleplay": "AM625X BEAGLE_PLAY",
            # It knows the chip, and of its boards only that of BeagleBoard.org.
            "visionfive2": "JH7110 None",
        }.items():
            with self.subTest(board):
                self.assertEqual(asked(board, ASK_PLATFORMDETECT), told)

    def test_gpiozero(self):
        for board, label, model in [
            ("pi4", "pinctrl-bcm2711", "4B"),
            ("pi5", "pinctrl-rp1", "5B"),
            ("pi-zero-2w", "pinctrl-bcm2835", "Zero2W"),
        ]:
            with self.subTest(board):
                self.assertEqual(asked(board, ASK_GPIOZERO.replace("LABEL", label)), f"{model} high")

    def test_jetson_gpio(self):
        self.assertEqual(asked("jetson-nano", ASK_JETSON), "JETSON_NANO high")


if __name__ == "__main__":
    unittest.main(verbosity=2)
