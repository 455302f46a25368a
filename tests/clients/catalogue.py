"""The clients: which programs run, on what board, and what each must say.

One entry of CLIENTS is one client; `run.py` runs them in this order, `building.py` puts what they
need into the stage. To add one, see CONTRIBUTING.md.
"""

from dataclasses import dataclass

OURS = "of this repository"
BOARD = ["--board", "{stage}/board.toml"]


@dataclass
class Client:
    """One program: what is plugged in for it, how it starts, and what it must say."""

    name: str
    of: str  # the program under it: a key of what building.py found the version of, or OURS
    what: str  # what is run, for docs/clients.md
    plugged: list | None  # options of `ugpio run`; None starts the program without it
    command: list  # words; {stage} and {python} are filled in
    says: tuple = ()  # each must be in the output
    status: int = 0
    after: str = ""  # given to its standard input once `ugpio run` has returned
    contained: bool = True  # can run in a container, which ends with its first process


def c_client(name, what, chips, says, **more):
    plugged = [word for chip in chips for word in ("--chip", chip)]
    return Client(name, OURS, f"C, static: {what}", plugged, [f"{{stage}}/{name}"], (says,), **more)


def crate_suite(name, crate, features):
    """The tests a crate publishes in its package; they make their chips in the gpio-sim tree."""
    script = 'for test in "$1"/*; do echo "$test"; "$test" || exit; done'
    command = ["/bin/sh", "-c", script, name, f"{{stage}}/{name}"]
    what = f"the package's own tests, {features}"
    return Client(name, f"crates.io `{crate}`", what, [], command, ("test result: ok",), contained=False)


CLIENTS = [
    Client(
        "python_gpiod",
        "PyPI `gpiod`",
        "a test program of ours",
        BOARD,
        ["{python}", "{stage}/test_gpiod.py"],
        ("\nOK\n",),
    ),
    Client(
        "gpiocdev",
        "crates.io `gpiocdev`",
        "a program of ours, with tokio and async-io",
        BOARD,
        ["{stage}/gpiocdev-client"],
        ("edges, tokio: ok", "edges, async-io: ok", "unplug, tokio: ok"),
    ),
    Client(
        "recipe_pytest",
        "PyPI `gpiod`",
        "the recipe for pytest",
        ["--chip", "bench:8"],
        ["{python}", "-m", "pytest", "-q", "-p", "no:cacheprovider", "{stage}/test_recipe.py"],
        ("1 passed",),
    ),
    Client(
        "recipe_cargo_test",
        "crates.io `gpiocdev`",
        "the recipe for `cargo test`",
        ["--chip", "bench:8"],
        ["{stage}/recipe"],
        ("1 passed",),
    ),
    Client("recipe_c", OURS, "the recipe for C", ["--chip", "bench:8"], ["{stage}/blink"], ("1 passed",)),
    Client(
        "recipe_node",
        OURS,
        "the recipe for Node",
        ["--chip", "bench:8"],
        ["/usr/bin/node", "--test", "{stage}/button.test.js"],
        ("# pass 1",),
    ),
    Client(
        "recipe_go", OURS, "the recipe for Go", ["--chip", "bench:8"], ["{stage}/led.test", "-test.v"], ("\nPASS\n",)
    ),
    crate_suite("suite_gpiosim", "gpiosim", "all features"),
    crate_suite("suite_gpiocdev_uapi", "gpiocdev-uapi", "all features"),
    crate_suite("suite_gpiocdev", "gpiocdev", "all features, v1 and v2 in one"),
    crate_suite("suite_gpiocdev_v1", "gpiocdev", "v1 alone, tokio, async-io"),
    crate_suite("suite_gpiocdev_v2", "gpiocdev", "v2 alone, tokio, async-io"),
    Client(
        "suite_gpiod",
        "PyPI `gpiod`",
        "the source package's own tests, with a stand-in for libgpiosim",
        [],
        ["{python}", "{stage}/gpiod_suite/run_suite.py"],
        ("\nOK\n",),
        contained=False,
    ),
    Client(
        "debian_tools",
        "Debian `gpiod`",
        "gpiodetect, gpioinfo, gpiofind, gpioget, gpioset, gpiomon with each option (v1 ABI)",
        ["--board", "{stage}/tools.toml"],
        ["{python}", "{stage}/test_tools.py"],
        ("\nOK\n",),
    ),
    Client(
        "debian_tools_2",
        "Debian `gpiod`",
        "gpiodetect, gpioinfo, gpioget, gpioset, gpiomon, gpionotify with each option",
        ["--board", "{stage}/tools.toml"],
        ["{python}", "{stage}/test_tools_2.py"],
        ("\nOK\n",),
    ),
    Client(
        "lgpio",
        "PyPI `lgpio`",
        "a test program of ours: claims, groups, alerts, pulses",
        ["--board", "{stage}/pi.toml"],
        ["{python}", "{stage}/test_lgpio.py"],
        ("\nOK\n",),
    ),
    Client(
        "gpiozero",
        "PyPI `gpiozero`",
        "a test program of ours, on the lgpio factory: LEDs, buttons, motor, encoder",
        ["--board", "{stage}/pi.toml"],
        ["env", "GPIOZERO_PIN_FACTORY=lgpio", "{python}", "{stage}/test_gpiozero.py"],
        ("\nOK\n",),
    ),
    Client(
        "gpio4",
        "PyPI `gpio4`",
        "a test program of ours: the legacy class, by what the modes of its files allow",
        ["--chip", "demo:4"],
        ["{python}", "{stage}/test_gpio4.py"],
        ("\nOK\n",),
    ),
    Client(
        "machines",
        "PyPI `Adafruit-PlatformDetect`",
        "a test program of ours, with gpiozero and Jetson.GPIO: which board each `--board NAME` is taken for",
        None,
        ["{python}", "{stage}/test_machines.py"],
        ("\nOK\n",),
    ),
    Client(
        "blinka",
        "PyPI `Adafruit-Blinka`",
        "a test program of ours on `--board pi4`, with the device library `adafruit_debouncer`",
        ["--board", "pi4"],
        ["{python}", "{stage}/test_blinka.py"],
        ("\nOK\n",),
    ),
    Client(
        "avrdude",
        "Debian `avrdude`",
        "its linuxgpio programmer, by numbers from 0; what it sends to an AVR that is not there is read from the recording",
        None,
        ["{python}", "{stage}/test_avrdude.py"],
        ("\nOK\n",),
        contained=False,
    ),
    Client(
        "suite_node_libgpiod",
        "npm `node-libgpiod`",
        "the package's own tests (v1 ABI)",
        [],
        ["/bin/bash", "{stage}/suite.sh", "{stage}/node"],
        contained=False,
    ),
    Client(
        "udevadm",
        "Debian `udev`",
        "udevadm monitor of both sources with properties, info, trigger",
        ["--chip", "demo:4"],
        ["{python}", "{stage}/test_udevadm.py"],
        ("\nOK\n",),
    ),
    Client(
        "pyudev",
        "PyPI `pyudev`",
        "a test program of ours: devices, monitors of both sources, filters, an observer",
        ["--chip", "demo:4"],
        ["{python}", "{stage}/test_pyudev.py"],
        ("\nOK\n",),
    ),
    Client(
        "gudev",
        "Debian `gir1.2-gudev-1.0`",
        "a test program of ours, through GObject's Python binding: devices and their signals",
        ["--chip", "demo:4"],
        ["/usr/bin/python3", "{stage}/test_gudev.py"],
        ("\nOK\n",),
    ),
    c_client("rawcalls", "raw system calls", ["raw:8", "doomed:4"], "raw system calls: ok"),
    c_client("simlib", "libgpiosim's calls in their order", [], "libgpiosim's calls: ok"),
    c_client("simgo", "go-gpiosim's system calls in their order", [], "go-gpiosim's calls: ok"),
    c_client("hammer", "threads on one chip", ["hammer:16"], "hammer: ok"),
    c_client(
        "daemons",
        "daemons that outlive their parent",
        ["daemons:4"],
        "daemon 2: ok",
        status=7,
        after="ggg",
        contained=False,
    ),
    c_client("selfexec", "lines kept over exec", ["exec:4"], "self exec: ok, 5 generations"),
    c_client("swapped", "lines swapped by dup2", ["swap:4"], "swapped: ok"),
    c_client("stopped", "stopped and continued", ["stopped:4"], "stopped: ok"),
    c_client("killed", "killed in the middle of calls", ["killed:4"], "killed: ok"),
    c_client("badcalls", "bad pointers and numbers", ["bad:8"], "bad calls: ok"),
    c_client("fileops", "file operations that no GPIO file has", ["ops:8"], "file operations: ok"),
    c_client("pathonly", "descriptors opened with O_PATH", ["only:4"], "path only: ok"),
    c_client("treewalk", "nftw, fts and fdopendir in the gpio-sim tree", [], "tree walk: ok"),
    Client(
        "tree_shell",
        OURS,
        "a shell script: the gpio-sim tree as the kernel documents it, and the legacy class",
        [],
        ["/bin/sh", "{stage}/tree.sh"],
        ("tree: ok",),
    ),
    Client(
        "tree_python",
        OURS,
        "Python: the gpio-sim tree and the legacy class by pathlib, os and shutil",
        [],
        ["{python}", "{stage}/test_tree.py"],
        ("\nOK\n",),
    ),
    Client(
        "netlink",
        OURS,
        "Python: the netlink socket of uevents, call by call",
        ["--chip", "demo:4"],
        ["{python}", "{stage}/test_netlink.py"],
        ("\nOK\n",),
    ),
    Client(
        "leaks",
        OURS,
        "Python: nothing leaks in long runs",
        ["--chip", "leaks:8"],
        ["{python}", "{stage}/leaks.py", "{stage}"],
        ("leaks: ok",),
    ),
    Client(
        "lifecycle",
        OURS,
        "Python: starts, signals and ends of runs",
        None,
        ["{python}", "{stage}/test_lifecycle.py"],
        ("\nOK\n",),
        contained=False,
    ),
    Client(
        "shell",
        OURS,
        "a shell script",
        ["--chip", "desk:8", "--chip", "doomed:4"],
        ["/bin/sh", "{stage}/client.sh"],
        ("shell: ok",),
    ),
]
