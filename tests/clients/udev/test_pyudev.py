"""PyPI's pyudev, over the machine's libudev, unmodified: devices as they are, and what happens to them.

Run as: ugpio run --chip demo:4 -- python test_pyudev.py
"""

import unittest

import happening
import pyudev

context = pyudev.Context()


def events(monitor, count):
    """That many events of a monitor."""
    found = [monitor.poll(timeout=20) for _ in range(count)]
    assert None not in found, found
    return found


class Enumeration(unittest.TestCase):
    def test_devices(self):
        devices = list(context.list_devices(subsystem="gpio"))
        self.assertEqual({device.device_path for device in devices}, {happening.CHIP, *happening.CLASS})
        (chip,) = (device for device in devices if device.device_node)
        self.assertTrue(chip.is_initialized)
        self.assertEqual((chip.device_node, chip.device_type), ("/dev/gpiochip0", "gpio_chip"))
        expected = dict(happening.PROPERTIES, DEVNAME="/dev/gpiochip0")
        self.assertEqual({key: chip.properties.get(key) for key in expected}, expected)
        self.assertEqual(chip.parent.device_path, happening.PLATFORM)
        self.assertEqual(chip.parent.subsystem, "platform")

    def test_devices_by_other_ways(self):
        for chip in (
            pyudev.Devices.from_device_file(context, "/dev/gpiochip0"),
            pyudev.Devices.from_name(context, "gpio", "gpiochip0"),
            pyudev.Devices.from_path(context, "/sys/bus/gpio/devices/gpiochip0"),
            pyudev.Devices.from_device_number(context, "char", 254 << 8),
        ):
            self.assertEqual((chip.device_path, chip.driver), (happening.CHIP, "gpio_stub_drv"))


class Monitoring(unittest.TestCase):
    def check(self, source):
        monitor = pyudev.Monitor.from_netlink(context, source=source)
        monitor.start()
        happening.happen()
        found = events(monitor, len(happening.ALL))
        told = [(device.action, device.device_path, device.subsystem) for device in found]
        self.assertEqual(told, happening.ALL)
        for device in found:
            self.assertGreater(device.sequence_number, 0)
            if device.device_path == happening.CHIP:
                expected = dict(happening.PROPERTIES, DEVNAME="/dev/gpiochip0")
                self.assertEqual({key: device.properties.get(key) for key in expected}, expected)

    def test_kernel(self):
        self.check("kernel")

    def test_udev(self):
        self.check("udev")

    def test_filters(self):
        monitor = pyudev.Monitor.from_netlink(context)
        monitor.filter_by("gpio", "gpio_chip")
        monitor.start()
        happening.happen()
        wanted = [event for event in happening.ALL if event[1] == happening.CHIP]
        found = events(monitor, len(wanted))
        self.assertEqual([(d.action, d.device_path, d.subsystem) for d in found], wanted)
        self.assertIsNone(monitor.poll(timeout=0))

    def test_observer_thread(self):
        seen = []
        monitor = pyudev.Monitor.from_netlink(context)
        monitor.filter_by("platform")
        observer = pyudev.MonitorObserver(monitor, callback=lambda device: seen.append(device.action))
        observer.start()
        happening.unplug()
        happening.plug()
        while len(seen) < 4:
            observer.join(0.01)
        observer.stop()
        self.assertEqual(seen, ["unbind", "remove", "add", "bind"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
