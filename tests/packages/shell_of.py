"""shell_of.py FILE KEY: prints the shell text that FILE, a YAML file, has in its last block `KEY: |` or item `- |`."""

import re
import sys
import textwrap

path, key = sys.argv[1:]
head = re.compile(r"( *)- \|$" if key == "-" else rf"( *){key}: \|$")
lines, found = open(path).read().splitlines(), None
for number, line in enumerate(lines):
    if match := head.match(line):
        inside = lambda text: not text.strip() or len(text) - len(text.lstrip()) > len(match[1])
        end = next((n for n in range(number + 1, len(lines)) if not inside(lines[n])), len(lines))
        found = lines[number + 1 : end]
if not found:
    sys.exit(f"{path}: no block {key}")
print(textwrap.dedent("\n".join(found)))
