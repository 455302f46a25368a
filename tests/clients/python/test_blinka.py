"""Adafruit Blinka with a library of devices over it, on a board that it takes for a Raspberry Pi 4."""

import unittest

import board
import digitalio
from adafruit_debouncer import Button
from world import World

# Longer than any test takes, so that a press is one.
LONG_MS = 3_600_000


class Blinka(unittest.TestCase):
    """Lines of the header, by the names that `board` gives its pins."""

    def setUp(self):
        self.world = World("pinctrl-bcm2711")
        self.addCleanup(self.world.socket.close)

    def pin(self, name):
        pin = digitalio.DigitalInOut(name)
        self.addCleanup(pin.deinit)
        return pin

    def test_the_board(self):
        self.assertEqual(board.board_id, "RASPBERRY_PI_4B")

    def test_an_led(self):
        led = self.pin(board.D17)
        led.switch_to_output()
        for value in (True, False, True):
            led.value = value
            self.world.wait(17, "high" if value else "low")

    def test_a_button(self):
        pin = self.pin(board.D27)
        pin.switch_to_input(pull=digitalio.Pull.UP)
        button = Button(pin, long_duration_ms=LONG_MS)
        button.update()
        self.assertFalse(button.pressed)
        self.world.pull(27, "down")
        while not button.pressed:
            button.update()
        self.world.pull(27, "up")
        while not button.released:
            button.update()
        self.assertFalse(button.long_press)


if __name__ == "__main__":
    unittest.main()
