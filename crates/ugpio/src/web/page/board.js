// The live board's page: rows of chips and lines, only those in sight, and what a person does to them.
//
// model.js knows the board, wave.js draws; here is the DOM. Everything that changes the run is a request
// of the control API, one after the other in the order in which the person asked.

import { Model } from "./model.js";
import { draw } from "./wave.js";
import { cards, makeWires } from "./wires.js";

const $ = (id) => document.getElementById(id);
const grid = $("grid");
const space = $("space");
const model = new Model();
const templates = { chip: $("chip-row"), line: $("line-row") };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** What could be shown, in order: chips and those of their lines that are asked for. */
let items = [];
/** Where each item begins, in pixels, and where the last one ends. */
let tops = [0];
/** The rows in sight, by the key of their item. */
const rows = new Map();
let active = null;
let paused = null;
let colors = {};
let waveWidth = 0;

// ---- requests ----

let queue = Promise.resolve();

/** The run has ended, or lets us in no more: nothing can be asked of it. */
let over = false;

/** Asks the run for something, after what was asked before. */
function ask(method, params) {
  if (over) return Promise.resolve(undefined);
  queue = queue.then(async () => {
    try {
      const answer = await fetch("api/v1/" + method, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(params || {}),
        keepalive: true,
      });
      const message = await answer.json();
      if (message.error) notice(message.error.message, true);
      return message.result;
    } catch {
      notice("the run does not answer", true);
      return undefined;
    }
  });
  return queue;
}

let noticeEnds = 0;
function notice(text, bad = false) {
  // What is behind a dialog is not seen.
  const dialog = document.querySelector("dialog[open] .said");
  if (dialog) {
    dialog.textContent = text;
    dialog.classList.toggle("bad", bad);
    return;
  }
  $("notice").textContent = text;
  clearTimeout(noticeEnds);
  noticeEnds = setTimeout(() => ($("notice").textContent = ""), 6000);
}

/** Pulls a line; known here at once, so that what is asked for next starts from it. */
function pull(line, to) {
  model.pulled(line, to, performance.now());
  return ask("pull", { chip: line.chip.name, line: line.offset, pull: to });
}

const unplug = (chip) => ask("unplug", { chip: chip.name });

function plug(chip) {
  const names = {};
  for (const line of chip.lines) if (line.name) names[line.offset] = line.name;
  return ask("plug", { label: chip.label, lines: chip.lines.length, base: chip.base, names });
}

/** The line whose button is held down, and where it was pulled before. */
let held = null;

function press(line) {
  release();
  held = { line, back: line.pull };
  rows.get(line.key)?.parts.press.classList.add("held");
  pull(line, line.pull === "up" ? "down" : "up");
}

function release() {
  if (!held) return;
  const { line, back } = held;
  held = null;
  rows.get(line.key)?.parts.press.classList.remove("held");
  pull(line, back);
}

const wires = makeWires({ model, ask, notice, set, wishes, arrange });

// ---- the live stream ----

let source = null;

function listen() {
  source = new EventSource("api/v1/follow");
  source.onmessage = ({ data }) => {
    state("live", "live");
    const kind = model.apply(JSON.parse(data).event, performance.now());
    if (kind === "board") arrange();
    showParts(kind === "board");
    wires.show(kind === "board");
    if (model.alarms.length > 0) notice(model.alarms.join("; "));
  };
  source.addEventListener("end", () => {
    source.close();
    state("over", "the run has ended");
    $("over").hidden = false;
    end();
  });
  source.onerror = () => {
    const closed = source.readyState === EventSource.CLOSED;
    if (closed) end();
    state(closed ? "over" : "wait", closed ? "no entry: get a new link with `ugpio ctl web`" : "connection lost, trying again");
  };
}

// A browser opens six connections to one place, and a stream takes one: a page that nobody has looked at
// for a while lets go of its own.
let hidden = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (document.hidden) {
    hidden = setTimeout(() => source.close(), 60_000);
  } else if (source.readyState === EventSource.CLOSED && $("state").dataset.state !== "over") {
    listen();
  }
});

/** Nothing can be done any more: looking at it can. */
function end() {
  if (over) return;
  over = true;
  held = null;
  for (const button of document.querySelectorAll("#plug, #parts button, #wire button, #fault button, #plug-dialog .main")) button.disabled = true;
  for (const row of rows.values()) row.dirty = true;
}

function state(name, text) {
  const shown = $("state");
  if (shown.dataset.state === name && shown.textContent === text) return;
  shown.dataset.state = name;
  shown.textContent = text;
}

// ---- which items there are ----

function wanted(line, words) {
  if ($("used").checked && !line.info.used) return false;
  if (wires.only() !== null && line.net !== wires.only()) return false;
  const text = `${line.chip.label} ${line.chip.name} ${line.offset} ${line.name || ""} ${line.info.consumer || ""} ${line.net || ""}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function arrange() {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  items = [];
  for (const chip of model.chips) {
    const lines = chip.lines.map((line) => model.lines.get(chip.name + ":" + line.offset)).filter((line) => wanted(line, words));
    if (lines.length === 0 && (words.length > 0 || $("used").checked || wires.only() !== null)) continue;
    items.push({ kind: "chip", key: chip.name, chip });
    for (const line of lines) items.push({ kind: "line", key: line.key, line });
  }
  for (const chip of model.gone) items.push({ kind: "chip", key: "gone " + chip.label, chip, gone: true });
  const style = getComputedStyle(document.documentElement);
  const heights = { line: parseFloat(style.getPropertyValue("--row")), chip: parseFloat(style.getPropertyValue("--chip-row")) };
  const gap = 10;
  tops = [];
  let top = 0;
  for (const item of items) {
    if (item.kind === "chip") top += gap;
    tops.push(top);
    top += heights[item.kind];
  }
  tops.push(top);
  space.style.height = top + "px";
  grid.setAttribute("aria-rowcount", items.length);
  for (const [key, row] of rows) {
    const index = items.findIndex((item) => item.key === key);
    if (index < 0) drop(key, row);
    else place(row, index);
  }
  if (active && !items.some((item) => item.key === active)) active = null;
  if (active === null && document.activeElement === grid && items.length > 0) choose(indexAt(grid.scrollTop));
  const empty = $("empty");
  empty.hidden = items.length > 0;
  empty.textContent = model.chips.length > 0 ? "No line is like that." : "Nothing is plugged in. Plug in a chip, or let the program do it.";
  window_();
}

// ---- parts ----

/** What a person can do to a part: for each button its face, what it says, and what it asks for. */
const WAYS = {
  button: [["press", "Press"]],
  switch: [["on", "Switch on", { action: "on" }], ["off", "Switch off", { action: "off" }]],
  "square-wave": [["on", "Switch on", { action: "on" }], ["off", "Switch off", { action: "off" }]],
  encoder: [["⟲", "Turn back", { action: "turn", steps: -1 }], ["⟳", "Turn", { action: "turn", steps: 1 }]],
};

function showParts(anew) {
  const list = $("parts");
  if (anew) cards(list, [...model.parts.values()], (part) => JSON.stringify([part.part, part.is, part.pins, names(part)]), card);
  for (const node of list.children) {
    const { state } = model.parts.get(node.dataset.part);
    set(node.querySelector("b"), state);
    node.classList.toggle("on", state === "on" || state === "pressed");
  }
}

/** What a lamp shines in, if a name says so: its own, or those of the lines on its nets. */
function lightOf(words) {
  for (const word of words) {
    const found = /(?:^|[^a-z])(red|amber|orange|yellow|green|blue|white)(?![a-z])/i.exec(word);
    if (found) return found[1].toLowerCase();
  }
  return null;
}

/** The names of the lines that a part is wired to. */
function names(part) {
  const nets = new Set(Object.values(part.pins || {}));
  return [...model.lines.values()].filter((line) => line.net && nets.has(line.net) && line.name).map((line) => line.name);
}

function card(part) {
  const node = document.createElement("li");
  node.dataset.part = part.part;
  node.dataset.is = part.is;
  const light = part.is === "led" && lightOf([part.part, ...names(part)]);
  if (light) node.dataset.light = light;
  const wired = Object.entries(part.pins || {}).map(([pin, net]) => `${pin}: ${net ?? "not wired"}`);
  node.title = `${part.is}, ${wired.join(", ")}`;
  node.append(document.createElement("i"), part.part, document.createElement("b"));
  for (const [face, does, params] of WAYS[part.is] || []) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = face;
    button.setAttribute("aria-label", `${does} ${part.part}`);
    button.disabled = over;
    if (params) button.addEventListener("click", () => ask("operate", { part: part.part, ...params }));
    else holds(button, part.part);
    node.append(button);
  }
  return node;
}

/** A button that is pressed as long as it is held down, by pointer or by key. */
function holds(button, part) {
  let down = false;
  const go = (to) => {
    if (down === to) return;
    down = to;
    ask("operate", { part, action: to ? "press" : "release" });
  };
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    go(true);
  });
  for (const end of ["pointerup", "pointercancel", "blur", "keyup"]) button.addEventListener(end, () => go(false));
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    go(true);
  });
}

// ---- the rows in sight ----

function place(row, index) {
  row.index = index;
  row.node.style.top = tops[index] + "px";
  row.node.setAttribute("aria-rowindex", index + 1);
  const item = items[index];
  if (row.item !== item) {
    row.item = item;
    row.dirty = true;
  }
}

function drop(key, row) {
  if (row.node.contains(document.activeElement)) grid.focus({ preventScroll: true });
  row.node.remove();
  rows.delete(key);
}

/** The index of the item at this height. */
function indexAt(y) {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Makes rows for what is in sight, and takes away those that are not. */
function window_() {
  const first = Math.max(0, indexAt(grid.scrollTop) - 4);
  const last = Math.min(items.length - 1, indexAt(grid.scrollTop + grid.clientHeight) + 4);
  const sight = new Set();
  for (let index = first; index <= last; index += 1) sight.add(items[index].key);
  for (const [key, row] of rows) if (!sight.has(key) && key !== held?.line.key) drop(key, row);
  let after = null;
  for (let index = first; index <= last; index += 1) {
    let row = rows.get(items[index].key);
    if (!row) {
      row = make(items[index]);
      rows.set(items[index].key, row);
      place(row, index);
      // In the order in which they are seen, for those who read the page instead.
      if (after) after.after(row.node);
      else space.prepend(row.node);
    }
    after = row.node;
    paint(row);
  }
}

function make(item) {
  const node = templates[item.kind].content.firstElementChild.cloneNode(true);
  node.id = "row-" + item.key.replace(/[^\w-]/g, "_");
  const parts = {};
  for (const name of ["label", "text", "node", "count", "unplug", "pad", "level", "name", "way", "consumer", "more", "rate", "press", "up", "down", "open"]) {
    parts[name] = node.querySelector("." + name);
  }
  const canvas = node.querySelector("canvas");
  for (const button of node.querySelectorAll("button")) button.tabIndex = -1;
  return { node, parts, item: null, index: 0, dirty: true, canvas, context: canvas?.getContext("2d"), still: null };
}

function paint(row) {
  if (row.item.kind === "chip") paintChip(row);
  else if (row.dirty || row.item.line.touched) paintLine(row);
  row.dirty = false;
  const on = row.item.key === active;
  if (row.on !== on) {
    row.on = on;
    row.node.classList.toggle("on", on);
    row.node.setAttribute("aria-selected", on);
    for (const button of row.node.querySelectorAll("button")) button.tabIndex = on ? 0 : -1;
  }
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function paintChip({ node, parts, item }) {
  const { chip, gone } = item;
  set(parts.text, chip.label);
  set(parts.node, gone ? "unplugged" : chip.name);
  const used = gone ? 0 : chip.lines.filter((line) => model.lines.get(chip.name + ":" + line.offset)?.info.used).length;
  set(parts.count, gone ? `${chip.lines.length} lines` : `${chip.lines.length} lines, ${used} in use`);
  set(parts.unplug, gone ? "Plug in again" : "Unplug");
  parts.unplug.disabled = over;
  parts.unplug.setAttribute("aria-label", `${gone ? "Plug in again" : "Unplug"} ${chip.label}`);
  node.classList.toggle("gone", Boolean(gone));
}

const EDGES = { none: "", rising: "rising edges", falling: "falling edges", both: "both edges" };
const BIAS = { "as-is": "", disabled: "bias disabled", "pull-up": "pull-up", "pull-down": "pull-down" };

/** What the consumer asked for, besides the direction. */
function wishes(info) {
  const words = [BIAS[info.bias], info.drive === "push-pull" ? "" : info.drive, info.active_low ? "active-low" : "", EDGES[info.edges]];
  if (info.debounce_us > 0) words.push(`debounce ${info.debounce_us >= 1000 ? info.debounce_us / 1000 + " ms" : info.debounce_us + " µs"}`);
  return words.filter(Boolean).join(" · ");
}

function paintLine(row) {
  const { node, parts, item } = row;
  const { line } = item;
  const { info } = line;
  const title = line.name || `line ${line.offset}`;
  const high = line.level === "high";
  const out = info.direction === "output";
  set(parts.pad, String(line.offset));
  set(parts.level.lastElementChild, high ? "H" : "L");
  parts.level.setAttribute("aria-label", line.level);
  node.classList.toggle("high", high);
  node.classList.toggle("out", out);
  set(parts.name, line.name || "unnamed");
  parts.name.classList.toggle("none", !line.name);
  set(parts.way, out ? "▶" : "◁");
  parts.way.title = info.direction;
  parts.way.setAttribute("aria-label", info.direction);
  set(parts.consumer, info.consumer || (info.used ? "in use" : "free"));
  parts.consumer.classList.toggle("none", !info.used);
  const more = [line.net && !model.isOwn(line.net) ? `net ${line.net}` : "", wishes(info)].filter(Boolean).join(" · ");
  set(parts.more, more);
  parts.more.parentElement.title = `${info.consumer || "free"}${more ? ": " + more : ""}`;
  set(parts.rate, line.rate > 0 ? `${line.rate < 10 ? line.rate.toFixed(1).replace(".0", "") : Math.round(line.rate).toLocaleString("en")}/s` : "");
  parts.rate.classList.toggle("busy", line.rate > 0);
  const driven = out && info.used;
  parts.press.disabled = driven || over;
  parts.press.title = over ? "the run has ended" : driven ? "the program drives this line" : "";
  parts.press.setAttribute("aria-label", `Press ${title} of ${line.chip.label}`);
  for (const to of ["up", "down"]) {
    parts[to].disabled = over;
    parts[to].setAttribute("aria-pressed", line.pull === to);
    parts[to].setAttribute("aria-label", `Pull ${title} ${to}`);
    parts[to].title = `pull ${to}`;
  }
  parts.open.disabled = over;
  parts.open.setAttribute("aria-label", `Wires and faults of ${title}`);
  parts.press.classList.toggle("held", held?.line === line);
  line.touched = false;
  row.still = null;
}

// ---- waveforms ----

function readColors() {
  const style = getComputedStyle(document.documentElement);
  colors = {};
  for (const name of ["high", "out", "grid", "busy"]) colors[name] = style.getPropertyValue("--" + name);
  for (const row of rows.values()) row.still = null;
}

function wave(row, end, span) {
  const { canvas, context } = row;
  // Nothing moves on a line that is still: it is drawn once.
  if (row.still === span && row.stillWidth === waveWidth) return;
  const width = waveWidth;
  const height = canvas.parentElement.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const moving = draw(context, { width, height, end, span, line: row.item.line, colors });
  row.still = moving ? null : span;
  row.stillWidth = width;
}

let lastFrame = 0;
let drawn = 0;
let drawnUpdates = 0;
function frame(now) {
  requestAnimationFrame(frame);
  if (now - lastFrame < (calm.matches ? 240 : 30)) return;
  lastFrame = now;
  const span = Number($("window").value);
  const end = paused ?? model.at(performance.now());
  const first = [...rows.values()].find((row) => row.canvas);
  if (first) waveWidth = first.canvas.parentElement.clientWidth;
  for (const row of rows.values()) {
    paint(row);
    if (row.canvas && waveWidth > 0) wave(row, end, span);
  }
  drawn += model.updates > drawnUpdates ? 1 : 0;
  drawnUpdates = model.updates;
}

let lastTick = performance.now();
setInterval(() => {
  const now = performance.now();
  model.settle(now);
  model.tick((now - lastTick) / 1000);
  lastTick = now;
  set($("total"), `${Math.round(model.rate).toLocaleString("en")} edges/s`);
}, 1000);

// ---- a person ----

function pause() {
  paused = paused === null ? model.at(performance.now()) : null;
  $("pause").setAttribute("aria-pressed", paused !== null);
  for (const row of rows.values()) row.still = null;
}

function choose(index) {
  if (items.length === 0) return;
  const at = Math.max(0, Math.min(items.length - 1, index));
  active = items[at].key;
  const top = tops[at];
  const bottom = tops[at + 1];
  if (top < grid.scrollTop) grid.scrollTop = Math.max(0, top - 12);
  else if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight + 12;
  window_();
  for (const row of rows.values()) paint(row);
  const row = rows.get(active);
  if (row) grid.setAttribute("aria-activedescendant", row.node.id);
}

const chosen = () => items.findIndex((item) => item.key === active);

/** The keys of the lines. */
const KEYS = new Set(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", " ", "Enter", "u", "d", "w", "Delete"]);

/** What the keys do on the grid, and wherever nothing is chosen. */
function key(event) {
  const free = event.target === grid || event.target === document.body;
  if (!free || !KEYS.has(event.key) || document.querySelector("dialog[open]") || event.ctrlKey || event.altKey || event.metaKey) return;
  // The focus is nowhere, as on a page that was just opened: the lines take it, and choose one.
  const fresh = active === null;
  if (event.target !== grid) grid.focus({ preventScroll: true });
  const index = chosen();
  const item = items[index];
  const page = Math.max(1, Math.floor(grid.clientHeight / (tops[1] - tops[0] || 30)) - 1);
  const moves = { ArrowDown: index + 1, ArrowUp: index - 1, PageDown: index + page, PageUp: index - page, Home: 0, End: items.length - 1 };
  const { key } = event;
  if (key in moves) choose(moves[key]);
  // Nothing is done to what was not seen to be chosen.
  else if (fresh && (key === " " || key === "Enter" || key === "Delete")) event.preventDefault();
  else if (key === " " || key === "Enter") act(item, event.repeat);
  else if (key === "u" && item?.line) pull(item.line, "up");
  else if (key === "d" && item?.line) pull(item.line, "down");
  else if (key === "w" && item?.line && !over) wires.open(item.line);
  else if (key === "Delete" && item) swap(item.chip || item.line.chip, item.gone);
  else return;
  event.preventDefault();
}

function act(item, repeated) {
  if (!item || repeated) return;
  if (item.kind === "chip") swap(item.chip, item.gone);
  else if (!(item.line.info.used && item.line.info.direction === "output")) press(item.line);
}

/** Unplugs a chip, or plugs it in again. */
function swap(chip, gone) {
  if (gone) plug(chip);
  else unplug(chip);
}

/** Keys that work wherever nothing is typed. */
function anywhere(event) {
  const typing = event.target.matches?.("input:not([type=checkbox]), select") || document.querySelector("dialog[open]");
  if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "/") $("find").focus();
  else if (event.key === "p") pause();
  else if (event.key === "Insert") askForChip();
  else if (event.key === "?") $("help-dialog").showModal();
  else return;
  event.preventDefault();
}

function itemOf(node) {
  const row = node.closest?.(".row");
  return row && [...rows.values()].find((known) => known.node === row)?.item;
}

function askForChip() {
  if (over) return;
  $("plug-label").value = "";
  $("plug-dialog").returnValue = "";
  $("plug-dialog").showModal();
}

grid.addEventListener("scroll", window_, { passive: true });
window.addEventListener("keydown", key);
grid.addEventListener("focus", () => active === null && choose(indexAt(grid.scrollTop)));
grid.addEventListener("pointerdown", (event) => {
  const item = itemOf(event.target);
  if (!item) return;
  choose(items.indexOf(item));
  if (event.target.matches(".press:not(:disabled)") && event.button === 0) {
    event.target.setPointerCapture(event.pointerId);
    press(item.line);
  }
});
grid.addEventListener("click", (event) => {
  const item = itemOf(event.target);
  if (!item) return;
  if (event.target.matches(".unplug")) swap(item.chip, item.gone);
  else if (event.target.matches(".up")) pull(item.line, "up");
  else if (event.target.matches(".down")) pull(item.line, "down");
  else if (event.target.matches(".open")) wires.open(item.line);
});
// A button that has the focus is pressed by its keys for as long as they are held down.
grid.addEventListener("keydown", (event) => {
  if (!event.target.matches?.(".press") || (event.key !== " " && event.key !== "Enter")) return;
  event.preventDefault();
  act(itemOf(event.target), event.repeat);
});
for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, release);
window.addEventListener("keyup", (event) => (event.key === " " || event.key === "Enter") && release());
window.addEventListener("keydown", anywhere);
window.addEventListener("pagehide", release);
$("find").addEventListener("input", arrange);
$("find").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== "Escape") return;
  if (event.key === "Escape") {
    event.preventDefault();
    $("find").value = "";
    arrange();
  }
  grid.focus();
});
$("used").addEventListener("change", arrange);
$("tools").addEventListener("submit", (event) => event.preventDefault());
$("pause").addEventListener("click", pause);
$("plug").addEventListener("click", askForChip);
$("help").addEventListener("click", () => $("help-dialog").showModal());
$("plug-dialog").addEventListener("close", () => {
  if ($("plug-dialog").returnValue !== "plug") return;
  ask("plug", { label: $("plug-label").value, lines: Number($("plug-lines").value) });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);
new ResizeObserver(arrange).observe(grid);

readColors();
listen();
requestAnimationFrame(frame);
ask("hello").then((hello) => {
  if (!hello) return;
  const name = hello.program.split("/").pop();
  set($("program"), name);
  $("program").title = `${hello.program}, process ${hello.pid}, ugpio ${hello.ugpio}`;
  document.title = `${name} · ugpio board`;
});
// For tests, and for those who look behind the page.
// What came, and how many frames had something new in them.
window.ugpio = { model, shown: () => model.updates, drawn: () => drawn };
