"""Stands in for `tests.system._ext`, of which the test suite of `gpiod` wants two calls."""

import ctypes
import os

_PR_SET_NAME = 15


def set_process_name(name):
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, name.encode()) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def check_kernel_version(*wanted):
    """Whether the kernel says that it is at least this one."""
    release = os.uname().release.split("-")[0].split(".")
    return tuple(map(int, release[:3])) >= wanted
