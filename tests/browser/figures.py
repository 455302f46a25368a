"""Prints how many updates a second real pages show, and what ten of them cost the run.

    UGPIO=target/release/ugpio python tests/browser/figures.py [SECONDS]

The program changes a thousand lines. The processor time is that of the supervisor, which also answers the
program's calls: without a page is the yardstick.
"""

import os
import sys
import time
from pathlib import Path

from test_board import FLAGS, HERE, Run, sync_playwright

CHIPS = "".join(f'[[chip]]\nlabel = "bank{bank}"\nlines = 500\n' for bank in range(2))
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0


def stat(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def child_of(parent):
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return next(pid for pid in pids if stat(pid)[1] == str(parent))


def used(pid):
    return sum(map(int, stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def measure(browser, count):
    run = Run([sys.executable, str(HERE / "thousand.py")], board=CHIPS)
    run.says()
    pages = [browser.new_context().new_page() for _ in range(count)]
    for page in pages:
        page.goto(run.ctl("web"))
        page.wait_for_function("() => ugpio.shown() > 10")
    supervisor = child_of(child_of(run.process.pid))
    shown, before, start = [page.evaluate("ugpio.shown()") for page in pages], used(supervisor), time.monotonic()
    time.sleep(SECONDS)
    seconds = time.monotonic() - start
    cpu = (used(supervisor) - before) / seconds * 100
    rates = [(page.evaluate("ugpio.shown()") - first) / seconds for page, first in zip(pages, shown)]
    edges = pages[0].evaluate("ugpio.model.rate") if pages else float("nan")
    fewest = min(rates, default=0)
    print(f"{count:>2} pages: {fewest:5.1f} updates/s shown at least, {edges:8.0f} edges/s, supervisor {cpu:5.1f} % CPU")
    for page in pages:
        page.context.close()
    run.end()


with sync_playwright() as playwright:
    chromium = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
    for pages in [0, 1, 10]:
        measure(chromium, pages)
    chromium.close()
