// Wires and what goes wrong: the nets of the board, what was reported, and the dialog of one line.
//
// What it needs of the page is handed in, so that board.js stays the only one that knows rows.

const $ = (id) => document.getElementById(id);

const HELD = { held: "held", floating: "floating", short: "SHORT" };

const lineParams = (line) => ({ chip: line.chip.name, line: line.offset });

/** A moment on the board's clock, from when the page began to listen. */
const seconds = (at) => `${(at / 1000).toFixed(3)} s`;
/** Which moment that is. */
const SINCE = "after this page was opened";

/** Fills a list with a card for each item; one that is as it was keeps its card, and the focus. */
export function cards(list, items, keyOf, make) {
  const known = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const key = keyOf(item);
    const node = known.get(key) || make(item);
    node.dataset.key = key;
    known.delete(key);
    return node;
  });
  for (const node of known.values()) node.remove();
  nodes.forEach((node, index) => list.children[index] !== node && list.insertBefore(node, list.children[index] || null));
  list.hidden = items.length === 0;
}

/** The nets, the reports and the dialog. */
export function makeWires({ model, ask, notice, set, wishes, arrange }) {
  /** The net whose lines alone are shown. */
  let only = null;
  /** The line whose dialog is open, by its key. */
  let key = null;
  /** The newest report that is shown. */
  let latest;

  function showNets(anew) {
    const list = $("nets");
    const made = model.made();
    if (anew || made.length !== list.children.length) {
      if (only !== null && !model.nets.has(only)) {
        only = null;
        arrange();
      }
      cards(list, made, ({ name, pull, delay_ns, lines }) => JSON.stringify([name, pull, delay_ns, lines, model.pins(name)]), netCard);
      $("net-names").replaceChildren(...made.map(({ name }) => Object.assign(document.createElement("option"), { value: name })));
    }
    for (const node of list.children) {
      const net = model.nets.get(node.dataset.net);
      set(node.querySelector("b"), `${net.level} ${HELD[net.held]}`);
      node.classList.toggle("on", net.level === "high");
      node.classList.toggle("short", net.held === "short");
      node.firstElementChild.setAttribute("aria-pressed", only === net.name);
    }
  }

  /** What is on a net, in words. */
  function onNet(net) {
    const words = [net.pull ? `resistor ${net.pull}` : "", net.delay_ns > 0 ? `delay ${net.delay_ns / 1e6} ms` : ""].filter(Boolean);
    return [[...net.lines, ...model.pins(net.name)].join(", ") || "nothing", ...words].join(", ");
  }

  function netCard(net) {
    const node = document.createElement("li");
    node.dataset.net = net.name;
    const button = document.createElement("button");
    button.type = "button";
    button.title = `${onNet(net)}. Shows its lines alone.`;
    const ends = document.createElement("small");
    ends.textContent = [...net.lines, ...model.pins(net.name)].join(" · ");
    button.append(document.createElement("i"), net.name, document.createElement("b"), ends);
    button.addEventListener("click", () => choosesNet(only === net.name ? null : net.name));
    node.append(button);
    return node;
  }

  function choosesNet(name) {
    only = name;
    arrange();
    showNets(false);
  }

  function showLog() {
    latest = model.log[0];
    const log = $("log");
    log.hidden = false;
    const { at, text } = model.log[0];
    set(log.querySelector("summary"), `${model.log.length === 1 ? "1 report" : `${model.log.length} reports, the last`} ${seconds(at)} ${SINCE}: ${text}`);
    const lines = model.log.map(({ at, text }) => {
      const line = document.createElement("li");
      const time = document.createElement("time");
      time.textContent = seconds(at);
      line.append(time, " ", text);
      return line;
    });
    log.querySelector("ol").replaceChildren(...lines);
  }

  // ---- one line: wires and faults ----

  function openLine(line) {
    key = line.key;
    $("line-dialog").querySelector(".said").textContent = "";
    $("wire-net").value = line.net || "";
    $("wire-pull").value = "";
    showLine();
    showFault();
    $("line-dialog").showModal();
  }

  function showLine() {
    if (key === null) return;
    const line = model.lines.get(key);
    if (!line) return $("line-dialog").close();
    const { info } = line;
    set($("line-title"), `${line.chip.label}:${line.offset}${line.name ? ` ${line.name}` : ""}`);
    const drives = info.direction === "output" && info.used;
    set($("line-facts"), [line.level, info.direction, drives ? "" : `pulled ${line.pull}`, info.consumer ? `held by ${info.consumer}` : "free", wishes(info)].filter(Boolean).join(" · "));
    const net = model.nets.get(line.net);
    set($("line-net"), net ? `On net ${net.name}, which is ${net.level} and ${HELD[net.held]}: ${onNet(net)}.` : "On no net.");
    $("unwire").disabled = !net;
  }

  /** Shows what the kind of fault needs to know, and no more. */
  function showFault() {
    for (const label of document.querySelectorAll("#fault [data-for]")) {
      const wanted = label.dataset.for === $("fault-kind").value;
      label.hidden = !wanted;
      label.querySelector("input, select").disabled = !wanted;
    }
  }

  /** Asks for something from the dialog, and says when it is done. */
  async function dialogAsks(method, params, done) {
    if (await ask(method, params)) notice(done);
  }

  $("wire").addEventListener("submit", (event) => {
    event.preventDefault();
    const line = model.lines.get(key);
    const net = $("wire-net").value;
    const pull = $("wire-pull").value;
    if (line) dialogAsks("wire", { net, lines: [lineParams(line)], ...(pull ? { pull } : {}) }, `wired to ${net}`);
  });
  $("unwire").addEventListener("click", () => {
    const line = model.lines.get(key);
    if (line?.net) dialogAsks("unwire", { net: line.net, lines: [lineParams(line)] }, `taken off ${line.net}`);
  });
  $("fault").addEventListener("submit", (event) => {
    event.preventDefault();
    const line = model.lines.get(key);
    if (!line) return;
    const kind = $("fault-kind").value;
    const own = { error: { errno: $("fault-errno").value }, slow: { time_ns: Number($("fault-time").value) * 1e6 }, stuck: { to: $("fault-to").value } };
    const call = Number($("fault-call").value);
    dialogAsks("fault", { ...lineParams(line), kind, ...own[kind], ...(call ? { call } : {}) }, `${kind} planned`);
  });
  $("mend").addEventListener("click", () => {
    const line = model.lines.get(key);
    if (line) dialogAsks("mend", { chip: line.chip.name }, "its faults are forgotten");
  });
  $("fault-kind").addEventListener("change", showFault);
  $("line-dialog").addEventListener("close", () => (key = null));

  return {
    /** The net whose lines alone are to be shown, if any. */
    only: () => only,
    /** Opens the dialog of a line. */
    open: openLine,
    /** Shows what has changed; `anew` if nets may have come or gone. */
    show(anew) {
      showNets(anew);
      if (model.log[0] !== latest) showLog();
      showLine();
    },
  };
}
