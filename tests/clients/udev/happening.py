"""What the tests of uevents have in common: a board that changes, and what Linux tells of that."""

import subprocess

CHIP = "/devices/platform/gpio-sim.0/gpiochip0"
CLASS = "/devices/platform/gpio-sim.0/gpio/gpiochip512"
PLATFORM = "/devices/platform/gpio-sim.0"
# In Linux's order: (action, path, subsystem).
REMOVED = [
    ("remove", CLASS, "gpio"),
    ("unbind", CHIP, "gpio"),
    ("remove", CHIP, "gpio"),
    ("unbind", PLATFORM, "platform"),
    ("remove", PLATFORM, "platform"),
]
ADDED = [
    ("add", PLATFORM, "platform"),
    ("add", CHIP, "gpio"),
    ("bind", CHIP, "gpio"),
    ("add", CLASS, "gpio"),
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
