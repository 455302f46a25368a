"""The live board in a real browser, headless Chromium, over programs that know nothing of ugpio.

    UGPIO=target/release/ugpio SHOTS=DIR python tests/browser/test_board.py

Each test has a run of its own. Nothing sleeps: Playwright waits for what the page shows, and the program
says what it sees. Every test leaves a screenshot in SHOTS. CHROMIUM is the browser, `chromium` if not said.
"""

import faulthandler
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

HERE = Path(__file__).resolve().parent
UGPIO = str(Path(os.environ["UGPIO"]).resolve())
SHOTS = Path(os.environ.get("SHOTS", tempfile.mkdtemp())).resolve()
LIMIT = 60_000  # milliseconds after which a thing that must happen counts as not happening
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-dev-shm-usage
    --disable-background-networking --disable-component-update --disable-sync""".split()
BOARD = """
[[chip]]
label = "crossing"
lines = 8
names = ["RED", "AMBER", "GREEN", "BUTTON", "LAMP", "CLOCK"]
hogs = [{ line = 7, consumer = "power-good", direction = "output-high" }]

[[chip]]
label = "relays"
lines = 4
"""
# Contrast of all text that is shown, against what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
    const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
    const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const bad = [];
    for (const e of document.querySelectorAll("body *")) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own || e.disabled || !e.checkVisibility() || e.closest("template, option, .skip")) continue;
        let behind = [255, 255, 255, 1];
        const chain = [];
        for (let p = e; p; p = p.parentElement) chain.unshift(p);
        for (const p of chain) behind = over(parse(getComputedStyle(p).backgroundColor), behind);
        const ink = over(parse(getComputedStyle(e).color), behind);
        const [a, b] = [light(ink), light(behind)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) bad.push(`${e.className || e.tagName} "${e.textContent.trim()}" ${ratio.toFixed(2)}`);
    }
    return bad;
}"""


class Run:
    """A program on a board of its own, and the link to its live board."""

    def __init__(self, words=None, board=BOARD):
        self.home = tempfile.TemporaryDirectory()
        Path(self.home.name, "board.toml").write_text(board)
        words = words or [sys.executable, str(HERE / "program.py")]
        env = {**os.environ, "UGPIO_SOCKET": ""}
        start = [UGPIO, "run", "--web", "--socket", "s", "--board", "board.toml", "--", *words]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(start, cwd=self.home.name, env=env, text=True, **pipes)
        said = self.process.stderr.readline()
        self.link = re.search(r"http://\S+", said)[0]

    def ctl(self, *words):
        start = [UGPIO, "ctl", "--socket", f"{self.home.name}/s", *words]
        env = {name: value for name, value in os.environ.items() if name != "UGPIO_SOCKET"}
        return subprocess.run(start, env=env, check=True, capture_output=True, text=True).stdout.strip()

    def says(self):
        return self.process.stdout.readline().strip()

    def end(self):
        """Ends the program; its status."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        status = self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self.home.cleanup()
        return status


class Board(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        cls.browser = cls.playwright.chromium.launch(executable_path=path, args=FLAGS)
        expect.set_options(timeout=LIMIT)
        SHOTS.mkdir(parents=True, exist_ok=True)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def run_of(self, *words, **more):
        run = Run(*words, **more)
        self.addCleanup(run.end)
        return run

    def page_of(self, link, width=1280, height=760, **more):
        context = self.browser.new_context(viewport={"width": width, "height": height}, **more)
        context.set_default_timeout(LIMIT)
        self.addCleanup(context.close)
        page = context.new_page()
        self.wrong = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        page.on("request", lambda request: self.asked(request.url, link))
        page.goto(link)
        return page

    def asked(self, url, link):
        own = link.split("/?")[0] + "/"
        if not url.startswith((own, "data:")):
            self.wrong.append(f"a request to elsewhere: {url}")

    def shot(self, page):
        page.screenshot(path=SHOTS / f"{self._testMethodName}.png")
        self.assertEqual(self.wrong, [])

    def line(self, page, name):
        return page.locator(".row.line", has=page.get_by_text(name, exact=True))

    def ready(self, run):
        self.assertEqual(run.says(), "ready")

    def test_a_press_reaches_the_program_and_its_lamp_is_seen(self):
        run = self.run_of()
        page = self.page_of(run.link)
        self.ready(run)
        lamp = self.line(page, "LAMP")
        expect(lamp).to_contain_text("lamp")
        expect(lamp.locator(".level")).to_have_attribute("aria-label", "low")
        expect(self.line(page, "BUTTON")).to_contain_text("pull-down · both edges")
        expect(page.locator("#program")).to_contain_text("python")
        page.get_by_role("button", name="Press BUTTON of crossing").hover()
        page.mouse.down()
        self.assertEqual(run.says(), "pressed")
        expect(lamp.locator(".level")).to_have_attribute("aria-label", "high")
        self.shot(page)
        page.mouse.up()
        self.assertEqual(run.says(), "released")
        expect(lamp.locator(".level")).to_have_attribute("aria-label", "low")
        expect(self.line(page, "CLOCK").locator(".rate")).to_have_text(re.compile(r"\d+/s"))
        self.line(page, "BUTTON").get_by_role("button", name="Pull BUTTON up").click()
        self.assertEqual(run.says(), "pressed")
        self.assertEqual(run.end(), 0)
        expect(page.locator("#state")).to_have_text("the run has ended")
        self.assertEqual(self.wrong, [])

    def test_an_unplugged_chip_goes_and_can_come_back(self):
        run = self.run_of()
        page = self.page_of(run.link)
        self.ready(run)
        page.get_by_role("button", name="Unplug crossing").click()
        self.assertEqual(run.says(), "gone: No such device")
        expect(self.line(page, "LAMP")).to_have_count(0)
        expect(page.locator(".chip.gone")).to_contain_text("crossing")
        self.shot(page)
        page.get_by_role("button", name="Plug in again crossing").click()
        expect(self.line(page, "LAMP")).to_contain_text("free")
        expect(page.locator(".chip.gone")).to_have_count(0)
        page.get_by_role("button", name="Plug in a chip…").click()
        page.get_by_label("Label").fill("relays")
        page.get_by_role("button", name="Plug in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("has the label \"relays\"")
        page.get_by_role("button", name="Plug in a chip…").click()
        page.get_by_label("Label").fill("late")
        page.get_by_role("spinbutton", name="Lines").fill("3")
        page.get_by_role("button", name="Plug in", exact=True).click()
        expect(page.get_by_role("button", name="Unplug late")).to_be_visible()
        self.assertIn('"late", 3 lines', run.ctl("list"))
        self.assertEqual(["409" in wrong for wrong in self.wrong], [True], "the label is taken")

    def test_a_thousand_lines_scroll_while_they_change(self):
        chips = "".join(f'[[chip]]\nlabel = "bank{bank}"\nlines = 500\n' for bank in range(2))
        run = self.run_of([sys.executable, str(HERE / "thousand.py")], board=chips)
        page = self.page_of(run.link)
        self.ready(run)
        expect(page.locator("#grid")).to_have_attribute("aria-rowcount", "1002")
        page.wait_for_function("() => ugpio.model.rate > 1000")
        self.assertLess(page.locator(".row").count(), 80, "only those in sight are there")
        page.locator("#grid").hover()
        while page.locator(".row.chip", has_text="bank1").count() == 0:
            page.mouse.wheel(0, 3000)
            page.evaluate("() => new Promise(requestAnimationFrame)")
        page.locator("#grid").focus()
        page.keyboard.press("End")
        expect(page.locator(".row.on .pad")).to_have_text("499")
        self.assertLess(page.locator(".row").count(), 80)
        before = page.evaluate("() => ugpio.shown()")
        page.wait_for_function(f"() => ugpio.shown() > {before} + 10")
        page.get_by_role("searchbox").fill("bank1 12")
        expect(page.locator(".row.line .pad").first).to_have_text("12")
        page.get_by_role("searchbox").fill("")
        self.shot(page)

    def test_everything_can_be_done_with_the_keyboard(self):
        run = self.run_of()
        page = self.page_of(run.link)
        self.ready(run)
        expect(self.line(page, "BUTTON")).to_be_visible()
        for _ in range(12):
            page.keyboard.press("Tab")
            ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            self.assertNotEqual(ring, "none", "the focus is seen")
            if page.evaluate("() => document.activeElement.id") == "grid":
                break
        expect(page.locator("#grid")).to_be_focused()
        on = page.locator(".row.on")
        expect(on).to_contain_text("crossing")
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        expect(on).to_contain_text("BUTTON")
        expect(on).to_have_attribute("aria-selected", "true")
        chosen = page.locator("#grid").get_attribute("aria-activedescendant")
        self.assertEqual(on.get_attribute("id"), chosen)
        page.keyboard.down(" ")
        self.assertEqual(run.says(), "pressed")
        self.shot(page)
        page.keyboard.up(" ")
        self.assertEqual(run.says(), "released")
        page.keyboard.press("u")
        self.assertEqual(run.says(), "pressed")
        page.keyboard.press("d")
        self.assertEqual(run.says(), "released")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Pull BUTTON down")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Press BUTTON of crossing")).to_be_focused()
        page.keyboard.press("Enter")
        self.assertEqual([run.says(), run.says()], ["pressed", "released"])
        page.keyboard.press("/")
        page.keyboard.type("relays")
        page.keyboard.press("Enter")
        page.keyboard.press("Home")
        expect(on).to_contain_text("relays")
        page.keyboard.press("Delete")
        expect(page.locator(".chip.gone", has_text="relays")).to_be_visible()
        page.keyboard.press("Insert")
        page.keyboard.type("late")
        page.keyboard.press("Enter")
        self.assertEqual(run.ctl("wait", "--timeout", "60", "crossing", "7", "high"), "")
        page.keyboard.press("?")
        expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="Keys")).to_be_hidden()
        self.assertEqual(self.wrong, [])

    def test_parts_are_seen_and_operated(self):
        parts = """
[[part]]
kind = "button"
name = "walk"
line = "crossing:BUTTON"

[[part]]
kind = "led"
name = "lamp"
line = "crossing:LAMP"
"""
        run = self.run_of(board=BOARD + parts)
        page = self.page_of(run.link)
        self.ready(run)
        lamp = page.locator("#parts li", has_text="lamp")
        expect(lamp.locator("b")).to_have_text("off")
        walk = page.locator("#parts li", has_text="walk")
        before = walk.locator("b").text_content()
        button = page.get_by_role("button", name="Press walk")
        button.hover()
        page.mouse.down()
        self.assertIn(run.says(), ("pressed", "released"))
        expect(walk.locator("b")).to_have_text("pressed")
        self.shot(page)
        page.mouse.up()
        expect(walk.locator("b")).to_have_text("released")
        self.assertEqual(before, "released")
        self.assertIn(run.says(), ("pressed", "released"))
        button.focus()
        page.keyboard.down("Enter")
        expect(walk.locator("b")).to_have_text("pressed")
        page.keyboard.up("Enter")
        expect(walk.locator("b")).to_have_text("released")
        run.ctl("pull", "relays", "1", "up")
        self.assertEqual(self.wrong, [])

    def test_wires_are_followed_and_laid(self):
        wire = '[[net]]\nname = "bus"\nlines = ["crossing:GREEN", "relays:0"]\n'
        run = self.run_of(board=BOARD + wire)
        page = self.page_of(run.link)
        self.ready(run)
        bus = page.locator("#nets li", has_text="bus")
        expect(bus).to_contain_text("low floating")
        expect(bus).to_contain_text("crossing:2 · relays:0")
        run.ctl("pull", "relays", "0", "up")
        expect(bus).to_contain_text("high held")
        expect(self.line(page, "GREEN").locator(".level")).to_have_attribute("aria-label", "high")
        bus.get_by_role("button").click()
        expect(page.locator(".row.line")).to_have_count(2)
        bus.get_by_role("button").click()
        expect(self.line(page, "LAMP")).to_be_visible()
        # Two outputs: the lamp is low, and the hog on line 7 is high.
        page.get_by_role("button", name="Wires and faults of LAMP").click()
        expect(page.locator("#line-net")).to_have_text("On no net.")
        page.get_by_label("Net", exact=True).fill("tied")
        page.get_by_role("button", name="Wire", exact=True).click()
        expect(page.get_by_role("status").filter(has_text="wired to tied")).to_be_visible()
        expect(page.locator("#line-net")).to_contain_text("On net tied, which is low and held: crossing:4")
        page.get_by_role("button", name="Close").click()
        page.locator("#grid").focus()
        page.keyboard.press("Home")
        for _ in range(8):
            page.keyboard.press("ArrowDown")
        expect(page.locator(".row.on .pad")).to_have_text("7")
        page.keyboard.press("w")
        expect(page.get_by_label("Net", exact=True)).to_be_focused()
        page.keyboard.type("tied")
        page.keyboard.press("Enter")
        expect(page.locator("#line-net")).to_contain_text("On net tied, which is low and SHORT")
        self.shot(page)
        page.keyboard.press("Escape")
        expect(page.locator("#grid")).to_be_focused()
        tied = page.locator("#nets li", has_text="tied")
        expect(tied).to_contain_text("low SHORT")
        short = 'net "tied" short: crossing:7 drives high, crossing:4 drives low'
        expect(page.locator("#log summary")).to_contain_text(short)
        self.assertIn("SHORT", run.ctl("list"))
        page.keyboard.press("w")
        page.get_by_role("button", name="Take off the net").click()
        expect(page.locator("#line-net")).to_have_text("On no net.")
        page.keyboard.press("Escape")
        expect(tied).to_contain_text("low held")
        run.ctl("unwire", "tied")
        expect(tied).to_have_count(0)
        self.assertEqual(self.wrong, [])

    def test_things_go_wrong_when_they_are_asked_to(self):
        run = self.run_of()
        page = self.page_of(run.link)
        self.ready(run)
        page.get_by_role("button", name="Wires and faults of LAMP").click()
        for kind, own in [("stuck", "At level"), ("slow", "Longer by, ms"), ("error", "errno")]:
            page.get_by_role("combobox", name="What").select_option(kind)
            expect(page.get_by_label(own)).to_be_visible()
        expect(page.get_by_label("At level")).to_be_hidden()
        page.get_by_role("button", name="Plan it").click()
        expect(page.get_by_role("status").filter(has_text="error planned")).to_be_visible()
        page.get_by_role("button", name="Forget the chip's faults").click()
        expect(page.get_by_role("status").filter(has_text="its faults are forgotten")).to_be_visible()
        page.keyboard.press("Escape")
        button = page.get_by_role("button", name="Press BUTTON of crossing")
        button.click()
        self.assertEqual([run.says(), run.says()], ["pressed", "released"])
        page.get_by_role("button", name="Wires and faults of LAMP").click()
        page.get_by_label("errno").fill("ENXIO")
        page.get_by_role("button", name="Plan it").click()
        expect(page.get_by_role("status").filter(has_text="error planned")).to_be_visible()
        page.keyboard.press("Escape")
        button.click()
        self.assertEqual(run.says(), "gone: No such device or address")
        expect(page.locator("#log summary")).to_contain_text("ENXIO")
        self.shot(page)

    def test_the_keys_work_at_once_and_leave_the_search(self):
        run = self.run_of()
        page = self.page_of(run.link)
        self.ready(run)
        page.keyboard.press("Space")
        expect(page.locator(".row.on")).to_contain_text("crossing")
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        expect(page.locator(".row.on .name")).to_have_text("BUTTON")
        page.keyboard.press("u")
        self.assertEqual(run.says(), "pressed")
        # With the focus nowhere the keys are the lines' too.
        page.evaluate("() => document.activeElement.blur()")
        page.keyboard.press("d")
        self.assertEqual(run.says(), "released")
        page.keyboard.press("/")
        expect(page.locator("#find")).to_be_focused()
        page.keyboard.type("wu button")
        expect(page.locator(".row.line")).to_have_count(0)
        page.keyboard.press("Home")
        for _ in range(3):
            page.keyboard.press("Delete")
        expect(page.locator(".row.line")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator("#grid")).to_be_focused()
        expect(page.locator("#find")).to_have_value("")
        expect(self.line(page, "BUTTON")).to_be_visible()
        self.assertEqual(self.wrong, [])

    def test_nothing_can_be_done_when_the_run_is_over(self):
        part = '[[part]]\nkind = "button"\nname = "walk"\nline = "crossing:BUTTON"\n'
        run = self.run_of(board=BOARD + part)
        page = self.page_of(run.link)
        self.ready(run)
        expect(page.locator("#over")).to_be_hidden()
        run.process.stdin.close()
        expect(page.locator("#over")).to_contain_text("The run has ended")
        expect(page.locator("#state")).to_have_text("the run has ended")
        enabled = "#grid button:enabled, #parts button:enabled, #plug:enabled"
        expect(page.locator(enabled)).to_have_count(0)
        page.keyboard.press("ArrowDown")
        for key in ("u", "d", "Space", "Delete", "Insert", "w"):
            page.keyboard.press(key)
        expect(page.locator("#notice")).to_be_empty()
        expect(page.locator("dialog[open]")).to_have_count(0)
        self.shot(page)

    def test_lamps_have_their_colours_and_lines_are_there_once(self):
        parts = "".join(
            f'[[part]]\nkind = "led"\nname = "{name}"\nline = "crossing:{line}"\n'
            for name, line in [("stop red", "0"), ("lamp two", "AMBER"), ("go", "GREEN"), ("plain", "LAMP")]
        )
        run = self.run_of(board=BOARD + parts + '[[net]]\nname = "bus"\nlines = ["relays:0"]\n')
        page = self.page_of(run.link)
        self.ready(run)
        for name, light in [("stop red", "red"), ("lamp two", "amber"), ("go", "green")]:
            expect(page.locator("#parts li", has_text=name)).to_have_attribute("data-light", light)
        self.assertIsNone(page.locator("#parts li", has_text="plain").get_attribute("data-light"))
        expect(page.locator("#nets li")).to_have_count(1)
        run.ctl("pull", "crossing", "0", "up")
        red = page.locator("#parts li.on", has_text="stop red").locator("i")
        expect(red).to_have_css("background-color", "rgb(229, 55, 43)")
        # A dot says what its letter says, at every moment.
        differing = """() => [...document.querySelectorAll(".row.line")].filter((row) => {
            const lit = getComputedStyle(row.querySelector(".level i")).backgroundColor !== "rgba(0, 0, 0, 0)";
            return lit !== (row.querySelector(".level b").textContent === "H");
        }).length"""
        for pull in ("up", "down") * 5:
            run.ctl("pull", "relays", "1", pull)
            self.assertEqual(page.evaluate(differing), 0)
        self.shot(page)
        self.assertEqual(self.wrong, [])

    def test_a_wrong_or_spent_token_is_refused(self):
        run = self.run_of()
        page = self.page_of(run.link)
        expect(self.line(page, "LAMP")).to_be_visible()
        self.assertNotIn("token", page.url)
        for link in [run.link, run.link[:-1] + "x", run.link.split("?")[0]]:
            context = self.browser.new_context()
            other = context.new_page()
            self.assertEqual(other.goto(link).status, 403, link)
            expect(other.get_by_role("heading")).to_have_text("This link does not let you in")
            self.wrong = []
            self.shot(other)
            context.close()
        again = self.page_of(run.ctl("web"))
        expect(self.line(again, "LAMP")).to_be_visible()

    def test_a_reload_shows_the_same_board(self):
        run = self.run_of()
        page = self.page_of(run.link)
        self.ready(run)
        run.ctl("pull", "relays", "2", "up")
        for _ in range(3):
            row = page.locator("#row-gpiochip1_2")
            expect(row.locator(".level")).to_have_attribute("aria-label", "high")
            expect(self.line(page, "LAMP")).to_contain_text("lamp")
            page.reload()
        self.shot(page)

    def test_it_fits_a_phone(self):
        run = self.run_of()
        page = self.page_of(run.link, 360, 740, has_touch=True, is_mobile=True, color_scheme="dark")
        self.ready(run)
        button = page.get_by_role("button", name="Press BUTTON of crossing")
        expect(button).to_be_visible()
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        self.assertLessEqual(wide, 360)
        small = """() => [...document.querySelectorAll("button, input, select, summary")]
            .filter((e) => e.checkVisibility() && !e.closest("dialog"))
            .map((e) => [e.id || e.className, e.getBoundingClientRect()])
            .filter(([, { height }]) => height < 39.9)"""
        self.assertEqual(page.evaluate(small), [])
        expect(page.locator("#help")).to_be_visible()
        cut = """() => [...document.querySelectorAll(".row.line .name, .row.chip .text, .cards li, #program, button")]
            .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"""
        self.assertEqual(page.evaluate(cut), [])
        box = button.bounding_box()
        self.assertLessEqual(box["x"] + box["width"], 360)
        button.tap()
        self.assertEqual([run.says(), run.says()], ["pressed", "released"])
        self.shot(page)

    def test_text_can_be_read_in_both_themes(self):
        run = self.run_of()
        self.ready(run)
        run.ctl("plug", "old")
        run.ctl("wire", "tied", "crossing:LAMP", "crossing:7")
        for scheme in ["light", "dark"]:
            page = self.page_of(run.ctl("web"), color_scheme=scheme)
            expect(self.line(page, "LAMP")).to_be_visible()
            page.get_by_role("button", name="Wires and faults of LAMP").click()
            self.assertEqual(page.evaluate(CONTRAST), [], scheme)
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Unplug old").click()
            expect(page.locator(".chip.gone")).to_be_visible()
            self.assertEqual(page.evaluate(CONTRAST), [], scheme)
            page.screenshot(path=SHOTS / f"theme-{scheme}.png")
            page.get_by_role("button", name="Plug in again old").click()
            expect(page.get_by_role("button", name="Unplug old")).to_be_visible()

    def test_pages_come_and_go_and_the_program_does_not_notice(self):
        run = self.run_of()
        self.ready(run)
        pages = [self.page_of(run.ctl("web")) for _ in range(10)]
        for page in pages:
            expect(self.line(page, "LAMP")).to_contain_text("lamp")
        for page in pages[::2]:
            page.close()
        run.ctl("pull", "crossing", "BUTTON", "up")
        self.assertEqual(run.says(), "pressed")
        for page in pages[1::2]:
            lamp = self.line(page, "LAMP").locator(".level")
            expect(lamp).to_have_attribute("aria-label", "high")
        self.shot(pages[1])
        for page in pages[1::2]:
            page.close()
        run.ctl("pull", "crossing", "BUTTON", "down")
        self.assertEqual(run.says(), "released")
        self.assertEqual(run.end(), 0)


if __name__ == "__main__":
    # Where a program does not say what it should, say where we wait, and go.
    faulthandler.dump_traceback_later(900, exit=True)
    unittest.main(verbosity=2)
