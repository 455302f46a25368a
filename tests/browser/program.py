"""A program that knows nothing of ugpio: a lamp follows a button, a clock ticks.

It says what it sees on standard output, and ends when its standard input does, or when the chip goes.
"""

import select
import sys

import gpiod
from gpiod.line import Bias, Direction, Edge, Value

BUTTON, LAMP, CLOCK = 3, 4, 5
OUTPUT = gpiod.LineSettings(direction=Direction.OUTPUT)


def main():
    chip = gpiod.Chip("/dev/gpiochip0")
    button = chip.request_lines(
        consumer="crossing",
        config={
            BUTTON: gpiod.LineSettings(
                direction=Direction.INPUT, bias=Bias.PULL_DOWN, edge_detection=Edge.BOTH
            )
        },
    )
    lamp = chip.request_lines(consumer="lamp", config={LAMP: OUTPUT, CLOCK: OUTPUT})
    print("ready", flush=True)
    ticks = 0
    while True:
        ready, _, _ = select.select([button.fd, sys.stdin], [], [], 0.02)
        if sys.stdin in ready and not sys.stdin.readline():
            return
        if button.fd in ready:
            for event in button.read_edge_events():
                pressed = event.event_type == event.Type.RISING_EDGE
                lamp.set_value(LAMP, Value(int(pressed)))
                print("pressed" if pressed else "released", flush=True)
        ticks += 1
        lamp.set_value(CLOCK, Value(ticks % 2))


try:
    main()
except OSError as error:
    print(f"gone: {error.strerror}", flush=True)
    sys.stdin.read()
