"""Prints what the plugin adds to a test: many empty tests with and without chips, side by side."""

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

COUNT, ROUNDS = 200, 3
os.chdir(os.environ["HOME"])
TEXT = "import pytest\n@pytest.mark.parametrize('n', range({count}))\ndef test_it(n{fixture}): pass\n"


def seconds(fixture):
    """What pytest says it took for these tests, under ugpio both times."""
    Path("test_many.py").write_text(TEXT.format(count=COUNT, fixture=fixture))
    words = [sys.executable, "-m", "pytest", "-q", "--ugpio", "-p", "no:cacheprovider", "test_many.py"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return float(re.search(rf"{COUNT} passed in ([\d.]+)s", said)[1])


pairs = [(seconds(""), seconds(", chip")) for _ in range(ROUNDS)]
each = statistics.median((with_chip - without) / COUNT for without, with_chip in pairs)
print(f"figure: {each * 1e3:.1f} ms a test for fresh chips (median of {ROUNDS} pairs of {COUNT} tests)")
