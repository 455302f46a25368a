"""Drives a thousand lines, all of them every few milliseconds, until its standard input ends."""

import select
import sys

import gpiod
from gpiod.line import Direction, Value

requests = []
for chip in range(2):
    path = f"/dev/gpiochip{chip}"
    for first in range(0, 500, 50):
        lines = range(first, first + 50)
        settings = gpiod.LineSettings(direction=Direction.OUTPUT)
        request = gpiod.request_lines(path, consumer=f"bank {first}", config={tuple(lines): settings})
        requests.append((request, lines))
print("ready", flush=True)
value = 0
while not select.select([sys.stdin], [], [], 0.005)[0]:
    value += 1
    for request, lines in requests:
        request.set_values({line: Value((value >> (line % 5)) & 1) for line in lines})
