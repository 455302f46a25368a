"""docs/clients.md: which client, in which version, ran what, and how it ended.

The page has a table for each system. The rows between the two marks of this system are what runs saw:
`run.py --table` writes those of the clients it ran, every other run compares.
"""

import re
from pathlib import Path

from catalogue import OURS

PAGE = Path(__file__).resolve().parent / "../../docs/clients.md"


def system():
    """What this system calls itself, without what changes in its lifetime: `Debian 12`."""
    words = [line.partition("=") for line in Path("/etc/os-release").read_text().splitlines()]
    release = {key: value.strip("\"'") for key, _, value in words}
    return f"{release.get('NAME', 'Linux').split()[0]} {release.get('VERSION_ID', '')}".strip()


BEGIN = f"<!-- {system()}: written by tests/clients/run.py --table -->"
END = "<!-- end -->"
AFTER = "## What clients need\n"  # follows the tables
HEAD = ["| client | program under it | version | what was run | result |", "|---|---|---|---|---|"]
# How cargo, unittest, pytest and mocha say how many tests passed, and how they and we say how many were
# left out; unittest alone counts the latter among the former.
PASSED = re.compile(
    r"^test result: ok\. (\d+) passed|^Ran (\d+) tests? in|^(\d+) passed|^ +(\d+) passing", re.MULTILINE
)
LEFT_OUT = re.compile(r"(\d+) ignored;|(\d+) skipped|^left out: (\d+)$|^ +(\d+) pending", re.MULTILINE)
LEFT_OUT_COUNTED = re.compile(r"\(skipped=(\d+)\)")


def total(pattern, text):
    found = (match.expand(f"\\{match.lastindex}") for match in pattern.finditer(text))
    return sum(map(int, found))


def row_of_none(client, why):
    """The row of a client that this system does not have."""
    return f"| `{client.name}` | {client.of} | – | {client.what} | not on {system()}: {why} |"


def row(client, versions, text):
    """The row of a client that passed and said this text."""
    if client.of == OURS:
        return f"| `{client.name}` | {OURS} | – | {client.what} | passed |"
    counted = total(LEFT_OUT_COUNTED, text)
    passed, left_out = total(PASSED, text) - counted, total(LEFT_OUT, text) + counted
    result = f"{passed} tests passed" if passed > 1 else "passed"
    if left_out:
        result += f", {left_out} left out"
    return f"| `{client.name}` | {client.of} | {versions[client.of]} | {client.what} | {result} |"


def told():
    """Does the page have a table for this system?"""
    return BEGIN in PAGE.read_text()


def rows():
    """The rows of this system's table, each under its client's name."""
    body = PAGE.read_text().split(BEGIN)[1].split(END)[0].strip().splitlines()
    return {line.split("`")[1]: line for line in body if line.startswith("| `")}


def differs(client, seen):
    """What is wrong with the client's row in the page, or None."""
    if not told():
        return None
    line = rows().get(client.name)
    if line == seen:
        return None
    return (
        "docs/clients.md does not say what was seen (if that is right: run.py --table)\n"
        f"    seen: {seen}\n    told: {line}"
    )


def strangers(names):
    """Clients that the page tells of and nobody runs."""
    return sorted(set(rows()) - set(names)) if told() else []


def write(seen, names):
    """Puts the rows that were seen into the page, in the order of these names; others keep theirs."""
    if not told():
        before, after = PAGE.read_text().split(AFTER)
        PAGE.write_text(f"{before}## {system()}\n\n{BEGIN}\n{END}\n\n{AFTER}{after}")
    known = rows() | {line.split("`")[1]: line for line in seen}
    ordered = [known[name] for name in names if name in known]
    before, rest = PAGE.read_text().split(BEGIN)
    table = "\n".join([BEGIN, "", *HEAD, *ordered, "", END])
    PAGE.write_text(before + table + rest.split(END, 1)[1])
