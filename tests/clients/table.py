"""docs/clients.md: which client, in which version, ran what, and how it ended.

The rows between the two marks are what runs saw: `run.py --table` writes those of the clients it ran,
every other run compares.
"""

import re
from pathlib import Path

from catalogue import OURS

PAGE = Path(__file__).resolve().parent / "../../docs/clients.md"
BEGIN = "<!-- written by tests/clients/run.py --table -->"
END = "<!-- end -->"
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


def rows():
    """The rows of the page, each under its client's name."""
    body = PAGE.read_text().split(BEGIN)[1].split(END)[0].strip().splitlines()[len(HEAD) :]
    return {line.split("`")[1]: line for line in body}


def differs(client, seen):
    """What is wrong with the client's row in the page, or None."""
    told = rows().get(client.name)
    if told == seen:
        return None
    return (
        "docs/clients.md does not say what was seen (if that is right: run.py --table)\n"
        f"    seen: {seen}\n    told: {told}"
    )


def strangers(names):
    """Clients that the page tells of and nobody runs."""
    return sorted(set(rows()) - set(names))


def write(seen, names):
    """Puts the rows that were seen into the page, in the order of these names; others keep theirs."""
    known = rows() | {line.split("`")[1]: line for line in seen}
    ordered = [known[name] for name in names if name in known]
    before, rest = PAGE.read_text().split(BEGIN)
    table = "\n".join([BEGIN, "", *HEAD, *ordered, "", END])
    PAGE.write_text(before + table + rest.split(END)[1])
