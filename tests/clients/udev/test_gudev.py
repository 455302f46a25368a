"""GUdev through Debian's Python binding of GObject, unmodified: what libgpiod's gpio-manager is built on.

Run as: ugpio run --chip demo:4 -- /usr/bin/python3 test_gudev.py
"""

import unittest

import gi
import happening

gi.require_version("GUdev", "1.0")
from gi.repository import GLib, GUdev  # noqa: E402


class Client(unittest.TestCase):
    def test_devices(self):
        client = GUdev.Client(subsystems=["gpio"])
        devices = client.query_by_subsystem("gpio")
        paths = {device.get_sysfs_path() for device in devices}
        self.assertEqual(paths, {"/sys" + path for path in (happening.CHIP, *happening.CLASS)})
        chip = client.query_by_device_file("/dev/gpiochip0")
        self.assertEqual(chip.get_sysfs_path(), "/sys" + happening.CHIP)
        self.assertEqual((chip.get_name(), chip.get_devtype()), ("gpiochip0", "gpio_chip"))
        self.assertTrue(chip.get_is_initialized())
        self.assertEqual(chip.get_parent().get_sysfs_path(), "/sys" + happening.PLATFORM)

    def test_signals(self):
        client = GUdev.Client(subsystems=["gpio"])
        loop = GLib.MainLoop()
        expected = [event[:2] for event in happening.ALL if event[2] == "gpio"]
        seen = []

        def told(_, action, device):
            seen.append((action, device.get_sysfs_path().removeprefix("/sys")))
            if device.get_device_file():
                wanted = dict(happening.PROPERTIES, DEVNAME="/dev/gpiochip0", ACTION=action)
                self.assertEqual({key: device.get_property(key) for key in wanted}, wanted)
                self.assertGreater(device.get_seqnum(), 0)
            if len(seen) == len(expected):
                loop.quit()

        client.connect("uevent", told)
        GLib.timeout_add_seconds(20, loop.quit)
        happening.happen()
        loop.run()
        self.assertEqual(seen, expected)


if __name__ == "__main__":
    unittest.main(verbosity=2)
