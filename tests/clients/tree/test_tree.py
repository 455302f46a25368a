"""The gpio-sim tree and the legacy class from Python: pathlib, os and shutil, as tests use them.

Run as: ugpio run -- python test_tree.py
"""

import errno
import os
import select
import shutil
import stat
import tempfile
import unittest
from pathlib import Path

CONFIG = Path("/sys/kernel/config/gpio-sim")
PLATFORM = Path("/sys/devices/platform")
SINCE_6_14 = ["valid"] * (tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 14))  # of a line
CLASS = Path("/sys/class/gpio")


class Tree(unittest.TestCase):
    def setUp(self):
        self.device = CONFIG / "dev"
        (self.device / "bank" / "line1" / "hog").mkdir(parents=True)
        (self.device / "bank" / "num_lines").write_text("4\n")

    def tearDown(self):
        if (self.device / "live").read_text() == "1\n":
            (self.device / "live").write_text("0")
        for folder, _, _ in os.walk(self.device, topdown=False):
            os.rmdir(folder)
        self.assertEqual(list(CONFIG.iterdir()), [])

    def refused(self, number, call, *arguments):
        with self.assertRaises(OSError) as refusal:
            call(*arguments)
        self.assertEqual(refusal.exception.errno, number, errno.errorcode[refusal.exception.errno])

    def live(self):
        (self.device / "live").write_text("1")
        name = (self.device / "dev_name").read_text().strip()
        return PLATFORM / name / (self.device / "bank" / "chip_name").read_text().strip()

    def test_walks(self):
        walked = {str(Path(at).relative_to(self.device)): (sorted(d), sorted(f)) for at, d, f in os.walk(self.device)}
        self.assertEqual(
            walked,
            {
                ".": (["bank"], ["dev_name", "live"]),
                "bank": (["line1"], ["chip_name", "label", "num_lines"]),
                "bank/line1": (["hog"], ["name", *SINCE_6_14]),
                "bank/line1/hog": ([], ["direction", "name"]),
            },
        )
        self.assertEqual([path.name for path in self.device.rglob("n*")], ["num_lines", "name", "name"])
        with os.scandir(self.device) as entries:
            kinds = {entry.name: entry.is_dir() for entry in entries}
        self.assertEqual(kinds, {"bank": True, "dev_name": False, "live": False})
        self.assertEqual(stat.filemode((self.device / "live").stat().st_mode), "-rw-r--r--")

    def test_by_directory_descriptor(self):
        at = os.open(self.device, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.assertEqual(sorted(os.listdir(at)), ["bank", "dev_name", "live"])
            os.mkdir("other", dir_fd=at)
            self.assertTrue(stat.S_ISDIR(os.stat("other", dir_fd=at).st_mode))
            os.rmdir("other", dir_fd=at)
            seen = [entry[1:3] for entry in os.fwalk(".", dir_fd=at)]
            self.assertEqual(len(seen), 4)
        finally:
            os.close(at)

    def test_lives_there(self):
        before = os.getcwd()
        os.chdir(self.device / "bank")
        try:
            self.assertEqual(os.getcwd(), str(self.device / "bank"))
            Path("label").write_text("here")
            self.assertEqual(Path("../bank/label").read_text(), "here\n")
            self.assertEqual(Path("label").resolve(), self.device / "bank" / "label")
        finally:
            os.chdir(before)

    def test_rmtree_says_what_it_cannot_remove(self):
        self.refused(errno.EPERM, shutil.rmtree, self.device / "bank")
        told = []
        shutil.rmtree(self.device / "bank" / "line1", onerror=lambda call, path, error: told.append((path, error[1])))
        numbers = {os.path.basename(path): error.errno for path, error in told}
        self.assertEqual(numbers, dict.fromkeys(["name", "direction", *SINCE_6_14], errno.EPERM))
        self.assertFalse((self.device / "bank" / "line1").exists())

    def test_refusals(self):
        live = self.device / "live"
        self.refused(errno.EPERM, live.unlink)
        self.refused(errno.EPERM, live.rename, self.device / "dead")
        self.refused(errno.EPERM, (self.device / "link").symlink_to, "live")
        self.refused(errno.EEXIST, (self.device / "bank").mkdir)
        self.refused(errno.EINVAL, (self.device / "bank" / "row1").mkdir)
        self.refused(errno.ENOTDIR, live.rmdir)
        self.refused(errno.ENOTEMPTY, (self.device / "bank").rmdir)
        self.refused(errno.EACCES, (self.device / "new").touch)
        self.refused(errno.EINVAL, live.write_text, "perhaps")
        self.refused(errno.EPERM, live.write_text, "0")
        self.refused(errno.EACCES, (self.device / "dev_name").write_text, "x")
        self.live()
        self.refused(errno.EBUSY, (self.device / "bank" / "label").write_text, "x")
        self.refused(errno.EBUSY, (self.device / "bank" / "line1" / "hog").rmdir)

    def test_copies(self):
        label = self.device / "bank" / "label"
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "source"
            source.write_text("copied\n")
            shutil.copyfile(source, label)
            self.assertEqual(label.read_text(), "copied\n")
            shutil.copyfile(label, source)
            self.assertEqual(source.read_text(), "copied\n")

    def test_lines(self):
        line = self.live() / "sim_gpio2"
        self.assertEqual((line / "value").read_text(), "0\n")
        (line / "pull").write_text("pull-up")
        self.assertEqual((line / "value").read_text(), "1\n")
        self.refused(errno.EINVAL, (line / "pull").write_text, "up")
        self.assertTrue(Path("/dev/gpiochip0").is_char_device())
        self.assertIn("gpiochip0", os.listdir("/dev"))

    def test_class(self):
        line = self.live() / "sim_gpio2"
        (base,) = (int(path.read_text()) for path in CLASS.glob("gpiochip*/base"))
        (CLASS / "export").write_text(str(base + 2))
        exported = CLASS / f"gpio{base + 2}"
        with open(exported / "value", encoding="ascii") as value:
            self.assertEqual(value.read(), "0\n")
            (exported / "edge").write_text("both")
            poll = select.poll()
            poll.register(value, select.POLLPRI | select.POLLERR)
            for pull, shown in [("pull-up", "1\n"), ("pull-down", "0\n")]:
                self.assertEqual(poll.poll(0), [])
                (line / "pull").write_text(pull)
                self.assertEqual(poll.poll(0), [(value.fileno(), select.POLLPRI | select.POLLERR)])
                value.seek(0)
                self.assertEqual(value.read(), shown)
        self.refused(errno.EPERM, (exported / "value").write_text, "1")
        (exported / "direction").write_text("out")
        (exported / "value").write_text("1")
        self.assertEqual((line / "value").read_text(), "1\n")
        (CLASS / "unexport").write_text(str(base + 2))
        self.assertFalse(exported.exists())


if __name__ == "__main__":
    unittest.main()
