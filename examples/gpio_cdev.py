"""The two calls of the GPIO character device that the examples in Python need, without any package.

The layout is that of <linux/gpio.h>, uAPI v2.
"""

import fcntl
import os
import struct

INPUT, OUTPUT, RISING, FALLING = 1 << 2, 1 << 3, 1 << 4, 1 << 5
_GET_LINE, _GET_VALUES, _SET_VALUES = 0xC250B407, 0xC010B40E, 0xC010B40F
EVENT_SIZE = 48


def request(chip, offset, flags, consumer="example", debounce_us=0):
    """Requests one line of an open chip; gives its descriptor."""
    attribute = struct.pack("=IIQQ", 3, 0, debounce_us, 1) if debounce_us else b""
    line = bytearray(592)
    struct.pack_into("=I", line, 0, offset)
    struct.pack_into("=32s", line, 256, consumer.encode())
    struct.pack_into("=QI", line, 288, flags, 1 if attribute else 0)
    line[320 : 320 + len(attribute)] = attribute
    struct.pack_into("=I", line, 560, 1)
    fcntl.ioctl(chip, _GET_LINE, line)
    return struct.unpack_from("=i", line, 588)[0]


def set_value(line, value):
    fcntl.ioctl(line, _SET_VALUES, bytearray(struct.pack("=QQ", value, 1)))


def read_events(line):
    """The events that wait: their timestamps and whether each rises."""
    data = os.read(line, 16 * EVENT_SIZE)
    records = (data[at : at + EVENT_SIZE] for at in range(0, len(data), EVENT_SIZE))
    return [(at, kind == 1) for at, kind in (struct.unpack_from("=QI", record) for record in records)]
