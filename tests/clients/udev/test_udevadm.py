"""Debian's udevadm, unmodified: its monitor, and devices by their nodes.

Run as: ugpio run --chip demo:4 -- python test_udevadm.py
"""

import subprocess
import unittest

import happening


def udevadm(*words):
    return subprocess.run(["udevadm", *words], check=True, capture_output=True, text=True).stdout


class Monitor(unittest.TestCase):
    def test_both_sources_with_properties(self):
        words = ["udevadm", "monitor", "--kernel", "--udev", "--property"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as monitor:
            # It listens when it has said all of its own.
            while monitor.stdout.readline() != "\n":
                pass
            happening.happen()
            found = {"KERNEL": [], "UDEV": []}
            while any(len(events) < len(happening.ALL) for events in found.values()):
                source = monitor.stdout.readline().split("[")[0].strip()
                rows = []
                while (row := monitor.stdout.readline()) != "\n":
                    rows.append(row.rstrip("\n").split("=", 1))
                found[source].append(dict(rows))
            monitor.terminate()
        for source, events in found.items():
            told = [(event["ACTION"], event["DEVPATH"], event["SUBSYSTEM"]) for event in events]
            self.assertEqual(told, happening.ALL, source)
            expected = dict(happening.PROPERTIES, DEVNAME="/dev/gpiochip0")
            for event in events:
                self.assertIn("SEQNUM", event)
                if event["DEVPATH"] == happening.CHIP:
                    self.assertEqual({key: event.get(key) for key in expected}, expected)


class Info(unittest.TestCase):
    def test_a_chip_by_its_node(self):
        self.assertEqual(udevadm("info", "--query=path", "/dev/gpiochip0").strip(), happening.CHIP)
        rows = udevadm("info", "--query=property", "/dev/gpiochip0").splitlines()
        for key, value in happening.PROPERTIES.items():
            self.assertIn(f"{key}={value}", rows)

    def test_a_walk_up_to_the_platform(self):
        text = udevadm("info", "--attribute-walk", "/dev/gpiochip0")
        self.assertIn(f"looking at device '{happening.CHIP}'", text)
        self.assertIn(f"looking at parent device '{happening.PLATFORM}'", text)
        self.assertIn('DRIVERS=="gpio-sim"', text)

    def test_trigger(self):
        triggered = udevadm("trigger", "--verbose", "--subsystem-match=gpio").splitlines()
        self.assertEqual(set(triggered), {"/sys" + path for path in (happening.CHIP, *happening.CLASS)})


if __name__ == "__main__":
    unittest.main(verbosity=2)
