"""What the tests of uevents have in common: a board that changes, and what Linux tells of that."""

import os
import subprocess

CHIP = "/devices/platform/gpio-sim.0/gpiochip0"
PLATFORM = "/devices/platform/gpio-sim.0"
# What a chip has in the legacy class: a directory by its lines' numbers, and since Linux 6.17 one by its own.
RELEASE = tuple(int(part) for part in os.uname().release.split(".")[:2])
CLASS = [f"{PLATFORM}/gpio/gpiochip512"] + [f"{PLATFORM}/gpio/chip0"] * (RELEASE >= (6, 17))
# In Linux's order: (action, path, subsystem).
REMOVED = [
    *(("remove", path, "gpio") for path in CLASS),
    ("unbind", CHIP, "gpio"),
    ("remove", CHIP, "gpio"),
    ("unbind", PLATFORM, "platform"),
    ("remove", PLATFORM, "platform"),
]
ADDED = [
    ("add", PLATFORM, "platform"),
    ("add", CHIP, "gpio"),
    ("bind", CHIP, "gpio"),
    *(("add", path, "gpio") for path in CLASS),
    ("bind", PLATFORM, "platform"),
]
CHANGED = [("change", CHIP, "gpio")]
ALL = [*REMOVED, *ADDED, *CHANGED]
# What every event of the chip says, but for its action and number.
PROPERTIES = {"DEVPATH": CHIP, "SUBSYSTEM": "gpio", "MAJOR": "254", "MINOR": "0", "DEVTYPE": "gpio_chip"}


def unplug():
    subprocess.run(["ugpio", "ctl", "unplug", "demo"], check=True)


def plug():
    subprocess.run(["ugpio", "ctl", "plug", "demo"], check=True, stdout=subprocess.DEVNULL)


def change():
    with open("/sys/bus/gpio/devices/gpiochip0/uevent", "w", encoding="ascii") as uevent:
        uevent.write("change\n")


def happen():
    """Everything of ALL."""
    unplug()
    plug()
    change()
