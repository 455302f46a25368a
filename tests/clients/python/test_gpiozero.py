"""The Python package `gpiozero` on its lgpio factory, as on a Raspberry Pi 4 (the board says so).

Run as: GPIOZERO_PIN_FACTORY=lgpio ugpio run --board pi.toml -- python3 test_gpiozero.py
"""

import os
import threading
import unittest

import gpiozero
import lgpio
from gpiozero.pins.lgpio import LGPIOFactory
from world import LIMIT, World


def put_away(device):
    """Closes a device.

    To close it, gpiozero takes the line anew. lgpio lets go of it first, but waits no longer than two
    milliseconds for its own thread to stop polling it, and a polled line is not free, here or on Linux.
    """
    for _ in range(100):
        try:
            return device.close()
        except lgpio.error:
            pass
    raise AssertionError("the line is never free")


def setUpModule():
    """Watches a line all the time.

    When lgpio's thread has no line to watch it goes to sleep, and a line that comes at that very moment
    does not wake it (lgpio 0.2.2: no predicate around its condition variable).
    """
    unittest.addModuleCleanup(put_away, gpiozero.Button(26))


class Gpiozero(unittest.TestCase):
    def setUp(self):
        self.world = World("pinctrl-bcm2711")
        self.addCleanup(self.world.socket.close)

    def device(self, kind, *arguments, **more):
        """A device that is closed when the test is over."""
        made = kind(*arguments, **more)
        self.addCleanup(put_away, made)
        return made

    def happens(self, happening):
        self.assertTrue(happening.wait(LIMIT))


class Machine(Gpiozero):
    def test_factory(self):
        self.assertEqual(os.environ["GPIOZERO_PIN_FACTORY"], "lgpio")
        led = self.device(gpiozero.LED, 5)
        self.assertIsInstance(led.pin_factory, LGPIOFactory)
        self.assertEqual(led.pin_factory.chip, 0)

    def test_model(self):
        led = self.device(gpiozero.LED, 5)
        info = led.pin_factory.board_info
        self.assertEqual((info.model, info.memory, info.revision), ("4B", 2048, "b03111"))
        self.assertEqual(str(self.device(gpiozero.LED, "J8:40").pin), "GPIO21")


class Outputs(Gpiozero):
    def test_led(self):
        led = self.device(gpiozero.LED, 21)
        self.assertEqual(self.world.level(21), "low")
        led.on()
        self.assertEqual(self.world.level(21), "high")
        led.toggle()
        self.assertEqual(self.world.level(21), "low")

    def test_active_low(self):
        led = self.device(gpiozero.LED, 20, active_high=False, initial_value=True)
        self.assertEqual(self.world.level(20), "low")
        led.off()
        self.assertEqual(self.world.level(20), "high")

    def test_blink(self):
        led = self.device(gpiozero.LED, 21)
        with self.world.events() as events:
            led.blink(on_time=0.01, off_time=0.01, n=3, background=False)
            for _ in range(3):
                events.until("level", offset=21, level="high")
                events.until("level", offset=21, level="low")

    def test_pwm(self):
        led = self.device(gpiozero.PWMLED, 12)
        with self.world.events() as events:
            led.value = 0.5
            for _ in range(5):
                events.until("level", offset=12, level="high")
                events.until("level", offset=12, level="low")
            led.off()

    def test_motor(self):
        motor = self.device(gpiozero.Motor, forward=22, backward=23, pwm=False)
        motor.forward()
        self.assertEqual((self.world.level(22), self.world.level(23)), ("high", "low"))
        motor.backward()
        self.assertEqual((self.world.level(22), self.world.level(23)), ("low", "high"))


class Inputs(Gpiozero):
    def test_button(self):
        button = self.device(gpiozero.Button, 16)
        self.assertEqual(self.world.level(16), "high")  # it pulls up
        pressed, released = threading.Event(), threading.Event()
        button.when_pressed, button.when_released = pressed.set, released.set
        self.assertFalse(button.is_pressed)
        self.world.pull(16, "down")
        self.happens(pressed)
        self.assertTrue(button.is_pressed)
        self.world.pull(16, "up")
        self.happens(released)

    def test_waiting(self):
        sensor = self.device(gpiozero.DigitalInputDevice, 17, pull_up=False)
        self.assertFalse(sensor.wait_for_active(timeout=0))
        press = threading.Thread(target=self.world.pull, args=(17, "up"))
        press.start()
        self.assertTrue(sensor.wait_for_active(LIMIT))
        press.join()

    def test_held_down(self):
        button = self.device(gpiozero.Button, 18, hold_time=0.05)
        held = threading.Event()
        button.when_held = held.set
        self.world.pull(18, "down")
        self.happens(held)
        self.assertGreaterEqual(button.held_time, 0)

    def test_bounce(self):
        button = self.device(gpiozero.Button, 19, bounce_time=0.005)
        pressed = threading.Event()
        button.when_pressed = pressed.set
        self.world.pull(19, "down")
        self.happens(pressed)

    def test_rotary_encoder(self):
        for line in (24, 25):
            self.world.pull(line, "up")
        encoder = self.device(gpiozero.RotaryEncoder, 24, 25)
        turned = threading.Event()
        encoder.when_rotated = turned.set
        for line, pull in ((24, "down"), (25, "down"), (24, "up"), (25, "up")):
            self.world.pull(line, pull)
        self.happens(turned)
        self.assertEqual(abs(encoder.steps), 1)


class Refusals(Gpiozero):
    def test_a_pin_twice(self):
        self.device(gpiozero.LED, 6)
        with self.assertRaises(gpiozero.GPIOPinInUse):
            gpiozero.LED(6)

    def test_no_such_pin(self):
        with self.assertRaises(gpiozero.PinInvalidPin):
            gpiozero.LED(99)

    def test_closed(self):
        led = gpiozero.LED(7)
        led.close()
        with self.assertRaises(gpiozero.GPIODeviceClosed):
            led.on()


if __name__ == "__main__":
    unittest.main(verbosity=2)
