"""Where the program `ugpio` is: `$UGPIO`, beside this Python, as the wheel puts it, or in the path."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

from ._client import Error


def binary() -> str:
    """The path of the program."""
    named = os.environ.get("UGPIO")
    if named:
        found = shutil.which(named)
        if not found:
            raise Error(f"$UGPIO names no program: {named}")
        return os.path.abspath(found)
    beside = {sysconfig.get_path("scripts"), os.path.dirname(sys.executable)}
    user = sysconfig.get_path("scripts", f"{os.name}_user") if os.name == "posix" else None
    for folder in [*sorted(filter(None, beside)), *([user] if user else [])]:
        path = os.path.join(folder, "ugpio")
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("ugpio")
    if not found:
        raise Error("the program ugpio is neither beside this Python nor in the path")
    return os.path.abspath(found)
