"""A front panel: each press of BUTTON switches LED; a USB expander's input X0 is watched for alarms.

An ordinary program for `gpiod`, libgpiod's Python package. It knows nothing of ugpio and runs as it
is on a real board. When the expander goes, it says why, drops it, raises RELAY and carries on.
"""

import glob
import select

import gpiod
from gpiod.line import Direction, Edge, Value


def say(words):
    print("   panel |", words, flush=True)


def find(name):
    """The path of the chip that has a line of this name."""
    for path in sorted(glob.glob("/dev/gpiochip*")):
        with gpiod.Chip(path) as chip:
            try:
                offset = chip.line_offset_from_id(name)
            except OSError:
                continue
            say(f"{name} is line {offset} of {path}, {chip.get_info().label!r}")
            return path
    raise SystemExit(f"no line is called {name}")


def request(name, **settings):
    return gpiod.request_lines(find(name), {name: gpiod.LineSettings(**settings)}, consumer="panel")


def main():
    led = request("LED", direction=Direction.OUTPUT)
    relay = request("RELAY", direction=Direction.OUTPUT)
    button = request("BUTTON", edge_detection=Edge.RISING)
    alarm = request("X0", edge_detection=Edge.BOTH)
    lit = Value.ACTIVE
    poller = select.poll()
    poller.register(button, select.POLLIN)
    poller.register(alarm, select.POLLIN)
    say("ready")
    led.set_value("LED", lit)
    while True:
        for fd, _ in poller.poll():
            if fd == button.fd:
                button.read_edge_events()
                lit = Value.INACTIVE if lit else Value.ACTIVE
                say(f"BUTTON pressed: LED goes {'on' if lit else 'off'}")
                led.set_value("LED", lit)
                continue
            try:
                for event in alarm.read_edge_events():
                    say(f"alarm from the expander: X0, {event.event_type.name.lower()}")
                    relay.set_value("RELAY", Value(event.event_type == event.Type.RISING_EDGE))
            except OSError as error:
                say(f"the expander is gone: {error}")
                poller.unregister(fd)
                alarm.release()
                relay.set_value("RELAY", Value.ACTIVE)


if __name__ == "__main__":
    main()
