"""Puts what the clients need into the stage: builds it, or copies it from where it was installed.

`build` is what `run.py` calls; a step of STEPS builds for the clients it names, and is left out when
none of them runs. A step that fails makes its clients fail; nothing is skipped. What a system does not
have, as Debian 13 has no libgpiod 1, is a row of its own in docs/clients.md.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
C_FLAGS = "-std=gnu11 -O2 -static -pthread -Wall -Wextra -Werror".split()
C_PROGRAMS = [
    "rawcalls", "hammer", "daemons", "selfexec", "swapped", "stopped", "killed", "badcalls", "looker",
    "simlib", "simgo", "treewalk", "fileops", "pathonly",
]
FILES = [
    "board.toml", "python_gpiod/test_gpiod.py", "leaks/leaks.py", "shell/client.sh",
    "lifecycle/test_lifecycle.py", "python_gpiod/test_recipe.py", "python/world.py", "tools/test_tools.py",
    "tools/test_tools_2.py", "tools/tools.toml", "python/test_lgpio.py", "python/test_machines.py", "python/test_gpiozero.py", "python/pi.toml",
    "python/test_gpio4.py",
    "python/test_blinka.py", "numbers/test_avrdude.py", "numbers/avrdude.conf", "numbers/avrdude.toml",
    "node/suite.sh",
    "recipes/button.test.js", "tree/tree.sh", "tree/test_tree.py", "udev/happening.py", "udev/test_netlink.py", "udev/test_pyudev.py",
    "udev/test_gudev.py", "udev/test_udevadm.py",
]
# Programs that docs/recipes.md shows, word for word.
RECIPES = {
    "recipe_pytest": "python_gpiod/test_recipe.py",
    "recipe_cargo_test": "gpiocdev/tests/recipe.rs",
    "recipe_c": "recipes/blink.c",
    "recipe_node": "recipes/button.test.js",
    "recipe_go": "recipes/led_test.go",
}
# Crates that publish their tests, and the features these are built with.
ONE_ABI = "--no-default-features --features async_io,async_tokio,"
SUITES = {
    "suite_gpiosim": ("gpiosim", "--all-features"),
    "suite_gpiocdev_uapi": ("gpiocdev-uapi", "--all-features"),
    "suite_gpiocdev": ("gpiocdev", "--all-features"),
    "suite_gpiocdev_v1": ("gpiocdev", ONE_ABI + "uapi_v1"),
    "suite_gpiocdev_v2": ("gpiocdev", ONE_ABI + "uapi_v2"),
}


class CannotBuild(Exception):
    """A step did not succeed; its text says why."""


class NotHere(Exception):
    """This system does not have what a client is; its text says what it has instead."""


@dataclass
class Stage:
    """The folder that clients run from, and what is known about what lies in it."""

    folder: Path
    cache: Path  # kept between runs
    broken: dict = field(default_factory=dict)  # client -> why it cannot run
    not_here: dict = field(default_factory=dict)  # client -> what the system has instead of it
    versions: dict = field(default_factory=dict)  # program -> its version


def build(stage, ugpio, python, wanted):
    """Fills the stage with what the wanted clients need."""
    shutil.copy(ugpio, stage.folder / "bin" / "ugpio")
    for file in FILES:
        shutil.copy(HERE / file, stage.folder)
    recipes = (HERE / "../../docs/recipes.md").read_text()
    for name, file in RECIPES.items():
        if (HERE / file).read_text() not in recipes:
            stage.broken[name] = f"not in recipes.md: {file}"
    copy_python(stage, python)
    for step, names in STEPS:
        needed = wanted & set(names)
        if not needed:
            continue
        try:
            step(stage, needed)
        except CannotBuild as why:
            stage.broken.update(dict.fromkeys(needed, str(why)))
        except NotHere as why:
            stage.not_here.update(dict.fromkeys(needed, str(why)))


def copy_python(stage, python):
    """The virtual environment, and which packages it has."""
    shutil.copytree(python, stage.folder / "venv", symlinks=True)
    script = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    packages = json.loads(run([stage.folder / "venv/bin/python", "-c", script]))
    stage.versions.update({f"PyPI `{name}`": version for name, version in packages.items()})


def run(words, **more):
    """What a command prints on its standard output."""
    try:
        done = subprocess.run(words, text=True, capture_output=True, stdin=subprocess.DEVNULL, **more)
    except FileNotFoundError as missing:
        raise CannotBuild(f"there is no {missing.filename} here") from None
    if done.returncode:
        raise CannotBuild(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout


def once(folder, fill):
    """A folder of the cache, filled when it is not there."""
    if folder.exists():
        return
    # Moved when it is complete: one cut short must not be taken for it.
    half = folder.with_name(folder.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    fill(half)
    half.rename(folder)


def c_programs(stage, names):
    for name in C_PROGRAMS:
        run(["cc", *C_FLAGS, "-o", stage.folder / name, HERE / "c" / f"{name}.c"])


def recipe_c(stage, names):
    """As its page says to."""
    run(["cc", "-o", stage.folder / "blink", HERE / "recipes/blink.c"])


def recipe_go(stage, names):
    """As `go test` does, but for running it; with nothing that has to be fetched."""
    alone = {"GOCACHE": str(stage.cache / "go"), "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    words = ["go", "test", "-c", "-o", stage.folder / "led.test", "led_test.go"]
    run(words, cwd=HERE / "recipes", env=os.environ | alone)


def cargo_tests(manifest, target, *more):
    """Builds a package's tests; by name, where each program lies."""
    words = ["cargo", "test", "--locked", "--quiet", "--no-run", "--message-format=json"]
    output = run([*words, "--manifest-path", manifest, "--target-dir", target, *more])
    messages = [json.loads(line) for line in output.splitlines()]
    return {m["target"]["name"]: Path(m["executable"]) for m in messages if m.get("executable")}


def gpiocdev(stage, names):
    """The two programs of the gpiocdev project."""
    target = stage.cache / "gpiocdev"
    programs = cargo_tests(HERE / "gpiocdev" / "Cargo.toml", target, "--release")
    shutil.copy(target / "release" / "gpiocdev-client", stage.folder)
    shutil.copy(programs["recipe"], stage.folder / "recipe")
    stage.versions.update({f"crates.io `{k}`": v["version"] for k, v in published_crates().items()})


def published_crates():
    """The packages that the gpiocdev project is locked to, fetched if need be."""
    words = ["cargo", "metadata", "--locked", "--format-version=1", "--manifest-path"]
    packages = json.loads(run([*words, HERE / "gpiocdev" / "Cargo.toml"]))["packages"]
    return {package["name"]: package for package in packages}


def crate_suites(stage, names):
    """The tests of published crates, as their packages have them, with the packages' own lock files."""
    crates = published_crates()
    # Not optimised: what takes time here is the building.
    profile = ["--config=profile.dev.debug=0", "--config=profile.dev.opt-level=0", "--tests"]
    for name in sorted(names):
        crate, features = SUITES[name]
        version = crates[crate]["version"]
        stage.versions[f"crates.io `{crate}`"] = version
        package = stage.cache / "packages" / f"{crate}-{version}"
        source = Path(crates[crate]["manifest_path"]).parent
        once(package, lambda folder: shutil.copytree(source, folder, dirs_exist_ok=True))
        target = stage.cache / "suites"
        programs = cargo_tests(package / "Cargo.toml", target, *profile, *features.split())
        (stage.folder / name).mkdir()
        for program, path in programs.items():
            shutil.copy(path, stage.folder / name / program)


def lgpio(stage, names):
    """PyPI's lgpio: its wheel, or built from its source where none is for this Python."""
    python = stage.folder / "venv/bin/python"
    tag = run([python, "-c", "import sysconfig as s; print(s.get_config_var('SOABI'))"]).strip()
    wheels = stage.cache / f"lgpio-{zlib.crc32((HERE / 'requirements-lgpio.txt').read_bytes()):08x}-{tag}"
    words = [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--requirement", HERE / "requirements-lgpio.txt"]
    # PYPI=1 is how its own wheels are built: with its C library inside.
    once(wheels, lambda folder: run([*words, "--wheel-dir", folder], env={**os.environ, "PYPI": "1"}))
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *wheels.glob("*.whl")])
    stage.versions["PyPI `lgpio`"] = run(
        [python, "-c", "import importlib.metadata as m; print(m.version('lgpio'))"]
    ).strip()


def tools_of(major):
    """The step for the tools of one libgpiod, 1 or 2; a system has one of them."""

    def step(stage, names):
        version = re.search(r"v(\d[\d.]*)", run(["gpiodetect", "--version"]))[1]
        if not version.startswith(f"{major}."):
            raise NotHere(f"gpiod is {version}")
        stage.versions["Debian `gpiod`"] = version

    return step


def avrdude(stage, names):
    """The program that is installed here."""
    version = run(["dpkg-query", "--show", "--showformat=${Version}", "avrdude"])
    stage.versions["Debian `avrdude`"] = version.split("+")[0].split("-")[0]


def udev_programs(stage, names):
    """Udev's own program and the library over it that are installed here."""
    for package in ("udev", "gir1.2-gudev-1.0"):
        version = run(["dpkg-query", "--show", "--showformat=${Version}", package])
        stage.versions[f"Debian `{package}`"] = version.split("-")[0]


def gpiod_suite(stage, names):
    """The tests in the source package of PyPI's gpiod, with stand-ins for their two extensions."""
    version = stage.versions["PyPI `gpiod`"]
    package = stage.cache / "packages" / f"gpiod-{version}"

    def fetch(folder):
        pip = [stage.folder / "venv/bin/python", "-m", "pip", "download", "--quiet", "--no-deps"]
        run([*pip, "--no-binary", ":all:", "--dest", folder, f"gpiod=={version}"])
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            wanted = [m for m in tar.getmembers() if m.isfile() and m.name.startswith(f"gpiod-{version}/tests/")]
            tar.extractall(folder, [m for m in wanted if ".." not in m.name.split("/")])

    once(package, fetch)
    place = stage.folder / "gpiod_suite"
    shutil.copytree(package / f"gpiod-{version}" / "tests", place / "tests")
    for name in ("gpiosim", "system"):
        shutil.copy(HERE / "python_gpiod/stand_in" / f"{name}.py", place / "tests" / name / "_ext.py")
    shutil.copy(HERE / "python_gpiod/stand_in/run_suite.py", place)


def node_libgpiod(stage, names):
    """The npm package, built by hand: its install script would fetch what it builds with."""
    header = Path("/usr/include/gpiod.h")
    if header.exists() and "gpiod_chip_open_by_name" not in header.read_text():
        raise NotHere("it is for libgpiod 1; libgpiod is 2")
    lock = (HERE / "node/package-lock.json").read_bytes()
    # An addon is for one version of Node.js.
    node = run(["/usr/bin/node", "--version"]).strip()
    project = stage.cache / f"node-{node}-{zlib.crc32(lock):08x}"

    def install(folder):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / name, folder)
        run(["/usr/bin/npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
        gyp = Path(run(["/usr/bin/npm", "root", "--global"]).strip()) / "npm/node_modules/node-gyp/bin/node-gyp.js"
        words = ["/usr/bin/node", gyp] if gyp.exists() else ["/usr/bin/node-gyp"]
        package = folder / "node_modules/node-libgpiod"
        run([*words, "rebuild", "--nodedir=/usr"], cwd=package)

    once(project, install)
    package = json.loads((project / "node_modules/node-libgpiod/package.json").read_text())
    stage.versions["npm `node-libgpiod`"] = package["version"]
    shutil.copytree(project, stage.folder / "node", symlinks=True)


STEPS = [
    (c_programs, [*C_PROGRAMS, "leaks", "lifecycle"]),
    (gpiocdev, ["gpiocdev", "recipe_cargo_test"]),
    (recipe_c, ["recipe_c"]),
    (recipe_go, ["recipe_go"]),
    (crate_suites, list(SUITES)),
    (lgpio, ["lgpio", "gpiozero", "machines", "blinka"]),
    (avrdude, ["avrdude"]),
    (udev_programs, ["udevadm", "gudev"]),
    (tools_of(1), ["debian_tools"]),
    (tools_of(2), ["debian_tools_2"]),
    (gpiod_suite, ["suite_gpiod"]),
    (node_libgpiod, ["suite_node_libgpiod"]),
]
