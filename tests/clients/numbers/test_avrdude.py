"""avrdude, which knows lines by their numbers in the legacy class, asks for an AVR that is not there.

Starts its run itself: python3 test_avrdude.py. What avrdude sends is read from the recording of the run.
"""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT = 60
ENABLE = 0xAC530000  # Programming Enable, of any AVR's data sheet


def sent(recording):
    """The bits that SDO had at each rise of SCK while RESET was low."""
    levels = {"SDO": "low", "SCK": "low", "RESET": "low"}
    bits = []
    for line in recording.read_text().splitlines():
        event = json.loads(line)
        event = event.get("event", event)
        if event.get("kind") != "level" or event.get("name") not in levels:
            continue
        if event["name"] == "SCK" and event["level"] == "high" and levels["RESET"] == "low":
            bits.append(int(levels["SDO"] == "high"))
        levels[event["name"]] = event["level"]
    return bits


class Avrdude(unittest.TestCase):
    def test_it_sends_its_commands_by_the_numbers_of_the_board(self):
        with tempfile.TemporaryDirectory() as folder:
            recording = Path(folder) / "out.json"
            words = ["ugpio", "run", "--board", HERE / "avrdude.toml", "--trace", recording, "--"]
            words += ["avrdude", "-C", f"+{HERE}/avrdude.conf", "-c", "bench", "-p", "m328p"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("not responding", done.stderr)
            bits = sent(recording)
        # After each try it gives one more pulse, should the AVR be out of step.
        commands = [int("".join(map(str, bits[at : at + 32])), 2) for at in range(0, len(bits) - 31, 33)]
        self.assertTrue(len(commands) > 1 and set(commands) == {ENABLE}, [hex(command) for command in commands])


if __name__ == "__main__":
    unittest.main()
