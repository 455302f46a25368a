"""How many edges does a press of a bad button make, raw and after 10 ms of debouncing?

Toggles one line for each raw edge and another for each that is left, so that a trace shows both, and
prints the counts once nothing has moved for a while. An ordinary program; knows nothing of ugpio.
"""

import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from gpio_cdev import FALLING, INPUT, OUTPUT, RISING, read_events, request, set_value

QUIET_MS = 2_000


def main():
    chip = os.open(sys.argv[1] if len(sys.argv) > 1 else "/dev/gpiochip0", os.O_RDWR)
    counts, shown, lines = {}, {}, {}
    for name, offset, debounce_us in [("raw", 0, 0), ("clean", 1, 10_000)]:
        shown[name] = request(chip, offset + 2, OUTPUT, "count")
        lines[request(chip, offset, INPUT | RISING | FALLING, name, debounce_us)] = name
        counts[name] = 0
    poll = select.poll()
    for line in lines:
        poll.register(line, select.POLLIN)
    # The first press may take its time.
    ready = poll.poll(20_000)
    while ready:
        for line, _ in ready:
            name = lines[line]
            for _ in read_events(line):
                counts[name] += 1
                set_value(shown[name], counts[name] % 2)
        ready = poll.poll(QUIET_MS)
    print(f"{counts['raw']} raw edges, {counts['clean']} left")


main()
