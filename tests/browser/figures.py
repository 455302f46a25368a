"""Prints how many updates a second real pages get and draw, and what ten of them cost the run.

    UGPIO=target/release/ugpio python tests/browser/figures.py [SECONDS]

One program lets a clock tick on one of twelve lines, the other changes a thousand lines, all of them every
few milliseconds. Of the pages the slowest is
shown, by its own clock: what came (the server sends at most 20 a second), and how many frames were drawn
with something new in them; all pages share this machine's processors for that. The processor time is that
of the supervisor, which also answers the program's calls: without a page is the yardstick.
"""

import os
import sys
import time
from pathlib import Path

from test_board import BOARD, FLAGS, HERE, Run, sync_playwright

CHIPS = "".join(f'[[chip]]\nlabel = "bank{bank}"\nlines = 500\n' for bank in range(2))
PROGRAMS = [("a clock", "program.py", BOARD), ("1,000 lines", "thousand.py", CHIPS)]
COUNTS = "() => [ugpio.shown(), ugpio.drawn(), performance.now()]"
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0


def stat(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def child_of(parent):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if stat(pid)[1] == str(parent):
                return int(pid)
        except FileNotFoundError:
            continue  # It has ended meanwhile.
    raise ProcessLookupError(f"{parent} has no child")


def used(pid):
    return sum(map(int, stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def slowest(first, last):
    """The fewest updates and frames a second of any page."""
    rates = [[(b - a) / (then[2] - now[2]) * 1000 for a, b in zip(now, then)] for now, then in zip(first, last)]
    return [f"{min(rate[which] for rate in rates):.1f}" if rates else "-" for which in (0, 1)]


def measure(browser, count, program, board):
    run = Run([sys.executable, str(HERE / program)], board=board)
    run.says()
    pages = [browser.new_context().new_page() for _ in range(count)]
    for page in pages:
        page.goto(run.ctl("web"))
        page.wait_for_function("() => ugpio.shown() > 10")
    supervisor = child_of(child_of(run.process.pid))
    first, before, start = [page.evaluate(COUNTS) for page in pages], used(supervisor), time.monotonic()
    time.sleep(SECONDS)
    cpu = (used(supervisor) - before) / (time.monotonic() - start) * 100
    came, drawn = slowest(first, [page.evaluate(COUNTS) for page in pages])
    edges = f"{pages[0].evaluate('ugpio.model.rate'):,.0f}" if pages else "-"
    print(f"{count:>5} {came:>9} {drawn:>9} {edges:>9} {cpu:>9.1f} %")
    for page in pages:
        page.context.close()
    run.end()


with sync_playwright() as playwright:
    chromium = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
    print(f"Chromium {chromium.version}, {os.cpu_count()} processors, Linux {os.uname().release}")
    print("pages  came, /s drawn, /s   edges/s  supervisor")
    for title, program, board in PROGRAMS:
        print(title)
        for pages in [0, 1, 10]:
            measure(chromium, pages, program, board)
    chromium.close()
