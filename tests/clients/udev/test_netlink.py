"""The netlink socket of uevents by the calls that libudev's clients make of it, in C's own forms.

Run as: ugpio run --chip demo:4 -- python test_netlink.py
"""

import ctypes
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import happening

PROTOCOL = 15  # NETLINK_KOBJECT_UEVENT
KERNEL, UDEV = 1, 2
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_PKTINFO = 270, 1, 3
SO_ATTACH_FILTER = 26


def listen(groups, kind=socket.SOCK_RAW, blocking=True):
    listener = socket.socket(socket.AF_NETLINK, kind, PROTOCOL)
    listener.bind((0, groups))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    listener.setblocking(blocking)
    return listener


def parse(data):
    """The head of a message, and its properties."""
    if data.startswith(b"libudev\0"):
        magic, header, offset, length = struct.unpack_from("!I", data, 8) + struct.unpack_from("=III", data, 12)
        assert magic == 0xFEEDCAFE and header == offset == 40 and offset + length == len(data), data
        head, rows = "libudev", data[offset:]
    else:
        head, _, rows = data.partition(b"\0")
        head = head.decode()
    assert rows.endswith(b"\0"), data
    return head, dict(row.split("=", 1) for row in rows[:-1].decode().split("\0"))


def drain(listener):
    """All that waits: (head, properties, sender, credentials) each."""
    found = []
    while select.select([listener], [], [], 0 if found else 10)[0]:
        data, controls, flags, sender = listener.recvmsg(8192, 64)
        assert flags == 0, flags
        ((level, kind, credentials),) = controls
        assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
        found.append((*parse(data), sender, struct.unpack("iII", credentials)))
    return found


def told(properties):
    return properties["ACTION"], properties["DEVPATH"], properties["SUBSYSTEM"]


class Messages(unittest.TestCase):
    def tearDown(self):
        self.listener.close()

    def test_kernel(self):
        self.listener = listen(KERNEL)
        happening.happen()
        found = drain(self.listener)
        self.assertEqual([told(properties) for _, properties, _, _ in found], happening.ALL)
        numbers = [int(properties["SEQNUM"]) for _, properties, _, _ in found]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        for head, properties, sender, credentials in found:
            self.assertEqual(head, f"{properties['ACTION']}@{properties['DEVPATH']}")
            self.assertEqual((sender, credentials), ((0, KERNEL), (0, 0, 0)))
            if properties["DEVPATH"] != happening.CHIP:
                continue
            expected = dict(happening.PROPERTIES, DEVNAME="gpiochip0")
            self.assertEqual({key: properties.get(key) for key in expected}, expected)
            has_driver = properties["ACTION"] in ("bind", "change")
            self.assertEqual(properties.get("DRIVER"), "gpio_stub_drv" if has_driver else None)
            self.assertEqual(properties.get("SYNTH_UUID"), "0" if properties["ACTION"] == "change" else None)

    def test_udev(self):
        self.listener = listen(UDEV, socket.SOCK_DGRAM)
        happening.happen()
        found = drain(self.listener)
        self.assertEqual([told(properties) for _, properties, _, _ in found], happening.ALL)
        for head, properties, sender, (_, uid, gid) in found:
            self.assertEqual(head, "libudev")
            self.assertNotEqual(sender[0], 0)
            self.assertEqual((sender[1], uid, gid), (UDEV, 0, 0))
            self.assertIn("USEC_INITIALIZED", properties)
            if properties["DEVPATH"] == happening.CHIP:
                self.assertEqual(properties["DEVNAME"], "/dev/gpiochip0")

    def test_both_groups_alternate(self):
        self.listener = listen(KERNEL | UDEV)
        happening.change()
        kernel, udev = drain(self.listener)
        self.assertEqual((kernel[2][1], udev[2][1]), (KERNEL, UDEV))
        self.assertEqual(kernel[1]["SEQNUM"], udev[1]["SEQNUM"])

    def test_membership_and_group_told(self):
        self.listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, PROTOCOL)
        self.listener.bind((0, 0))
        happening.change()
        self.listener.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, KERNEL)
        self.listener.setsockopt(SOL_NETLINK, NETLINK_PKTINFO, 1)
        self.assertEqual(self.listener.getsockname()[1], KERNEL)
        happening.change()
        data, controls, _, _ = self.listener.recvmsg(8192, 64)
        self.assertEqual(controls, [(SOL_NETLINK, NETLINK_PKTINFO, struct.pack("I", KERNEL))])
        self.listener.setblocking(False)
        self.assertRaises(BlockingIOError, self.listener.recv, 8192)

    def test_filter_in_the_socket(self):
        """As libudev's clients do it: a program that looks at the hash of the subsystem in udev's header."""
        self.listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, PROTOCOL)
        wanted = 0x4930AC14  # gpio
        program = [(0x20, 0, 0, 24), (0x15, 0, 1, wanted), (6, 0, 0, 0xFFFFFFFF), (6, 0, 0, 0)]
        code = b"".join(struct.pack("HBBI", *row) for row in program)
        buffer = ctypes.create_string_buffer(code)
        fprog = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
        self.listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.listener.bind((0, UDEV))
        happening.unplug()
        happening.plug()
        found = drain(self.listener)
        expected = [event for event in happening.REMOVED + happening.ADDED if event[2] == "gpio"]
        self.assertEqual([told(properties) for _, properties, _, _ in found], expected)

    def test_exported_lines(self):
        self.listener = listen(KERNEL)
        for file, action in (("export", "add"), ("unexport", "remove")):
            with open(f"/sys/class/gpio/{file}", "w", encoding="ascii") as store:
                store.write("513")
            ((_, properties, _, _),) = drain(self.listener)
            path = f"{happening.CHIP}/gpio/gpio513"
            self.assertEqual(told(properties), (action, path, "gpio"))


class Calls(unittest.TestCase):
    def setUp(self):
        self.listener = listen(KERNEL)
        self.addCleanup(self.listener.close)

    def refused(self, error, call, *words):
        with self.assertRaises(OSError) as refusal:
            call(*words)
        self.assertEqual(refusal.exception.errno, error, os.strerror(refusal.exception.errno))

    def test_names(self):
        self.assertEqual(self.listener.getsockname(), (os.getpid(), KERNEL))
        self.assertEqual(self.listener.getpeername(), (0, 0))
        second = listen(UDEV)
        portid, groups = second.getsockname()
        self.assertNotIn(portid, (0, os.getpid()))
        self.assertEqual(groups, UDEV)
        self.refused(errno.EINVAL, self.listener.bind, (1, 1))
        third = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, PROTOCOL)
        self.refused(errno.EADDRINUSE, third.bind, (os.getpid(), 0))
        self.listener.close()
        third.bind((os.getpid(), 0))
        second.close()
        third.close()

    def test_options(self):
        get = self.listener.getsockopt
        self.assertEqual(get(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_RAW)
        self.assertEqual(get(socket.SOL_SOCKET, socket.SO_DOMAIN), socket.AF_NETLINK)
        self.assertEqual(get(socket.SOL_SOCKET, socket.SO_PROTOCOL), PROTOCOL)
        self.assertEqual(get(socket.SOL_SOCKET, socket.SO_PASSCRED), 1)
        self.refused(errno.ENOPROTOOPT, self.listener.setsockopt, socket.IPPROTO_TCP, 1, 1)
        self.refused(errno.EINVAL, self.listener.setsockopt, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 33)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)

    def test_what_netlink_has_not(self):
        self.refused(errno.EOPNOTSUPP, self.listener.listen)
        self.refused(errno.EOPNOTSUPP, self.listener.shutdown, socket.SHUT_RD)
        self.refused(errno.EPERM, self.listener.sendto, b"x", (0, UDEV))
        self.refused(errno.EPERM, self.listener.connect, (1, 0))

    def test_many_messages_at_once(self):
        class Segment(ctypes.Structure):
            _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]

        class Header(ctypes.Structure):
            _fields_ = [
                ("name", ctypes.c_char_p),
                ("namelen", ctypes.c_uint),
                ("segments", ctypes.POINTER(Segment)),
                ("count", ctypes.c_size_t),
                ("control", ctypes.c_void_p),
                ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int),
            ]

        class Message(ctypes.Structure):
            _fields_ = [("header", Header), ("sent", ctypes.c_uint)]

        libc = ctypes.CDLL(None, use_errno=True)
        to_all = struct.pack("=HHII", socket.AF_NETLINK, 0, 0, UDEV)
        segment = Segment(b"abc", 3)
        messages = (Message * 3)()
        for message in messages:
            message.header.segments, message.header.count = ctypes.pointer(segment), 1
        messages[2].header.name, messages[2].header.namelen = to_all, len(to_all)
        self.assertEqual(libc.sendmmsg(self.listener.fileno(), messages, 3, 0), 2)
        self.assertEqual([message.sent for message in messages], [3, 3, 0])
        self.assertEqual(libc.sendmmsg(self.listener.fileno(), ctypes.byref(messages[2]), 1, 0), -1)
        self.assertEqual(ctypes.get_errno(), errno.EPERM)
        self.assertEqual(select.select([self.listener], [], [], 0)[0], [])

    def test_pieces(self):
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        happening.change()
        whole = self.listener.recv(8192, socket.MSG_PEEK)
        self.assertEqual(self.listener.recv(0, socket.MSG_PEEK | socket.MSG_TRUNC), b"")
        first, second = bytearray(7), bytearray(8192)
        count, _, flags, _ = self.listener.recvmsg_into([first, second])
        self.assertEqual((bytes(first + second)[:count], flags), (whole, 0))
        happening.change()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        cut, _, flags, _ = self.listener.recvmsg(10, 0)
        self.assertEqual((cut, flags), (whole[:10], socket.MSG_TRUNC | socket.MSG_CTRUNC))

    def test_blocking_calls_wait_and_know_the_sender(self):
        ways = {
            "recvfrom": lambda s: s.recvfrom(8192),
            "recvmsg": lambda s: s.recvmsg(8192, 64)[::3],
            "recv": lambda s: (s.recv(8192), (0, KERNEL)),
            "read": lambda s: (os.read(s.fileno(), 8192), (0, KERNEL)),
        }
        for name, way in ways.items():
            with self.subTest(name):
                answer = []
                waiter = threading.Thread(target=lambda way=way: answer.append(way(self.listener)))
                waiter.start()
                wait_until_asleep(waiter.native_id)
                happening.change()
                waiter.join(20)
                ((data, sender),) = answer
                self.assertEqual(sender, (0, KERNEL))
                self.assertEqual(told(parse(data)[1]), happening.CHANGED[0])

    def test_signals_end_the_wait(self):
        class Alarm(Exception):
            pass

        def ring(*_):
            raise Alarm

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.assertRaises(Alarm, self.listener.recv, 8192)

    def test_epoll_and_children(self):
        poller = select.epoll()
        poller.register(self.listener, select.EPOLLIN)
        self.assertEqual(poller.poll(0), [])
        happening.change()
        self.assertEqual(poller.poll(10), [(self.listener.fileno(), select.EPOLLIN)])
        code = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); print(s.recv(8192)[:7])"
        words = [sys.executable, "-c", code, str(self.listener.fileno())]
        child = subprocess.run(words, pass_fds=[self.listener.fileno()], capture_output=True, check=True)
        self.assertEqual(child.stdout, b"b'change@'\n")
        self.assertEqual(poller.poll(0), [])

    def test_many_events_wait(self):
        for _ in range(100):
            happening.change()
        self.assertEqual(len(drain(self.listener)), 100)

    def test_other_netlink_is_the_kernels(self):
        route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        route.bind((0, 0))
        self.assertEqual(route.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), 0)
        route.close()


def wait_until_asleep(tid):
    """Until a thread sleeps in a receive."""
    numbers = {"x86_64": ("0", "45", "47"), "aarch64": ("63", "207", "212")}[os.uname().machine]
    while True:
        with open(f"/proc/self/task/{tid}/syscall", encoding="ascii") as file:
            if file.read().split()[0] in numbers:
                return
        time.sleep(0.005)


if __name__ == "__main__":
    unittest.main(verbosity=2)
