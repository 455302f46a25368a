// The board as the control API tells it: chips, lines, and when levels changed. No DOM in here.
//
// apply() takes the messages of `follow` (docs/control.md). Moments are kept as milliseconds since the
// first message, so that they are small numbers; old ones fall out.

const MOMENTS = 2048;

/** For so long, in milliseconds, what was asked for here counts, and not what was told: that may be older. */
const OWN = 1000;

/** What happened that people must be told, that is kept. */
const LOG = 100;

/** The moments at which one line changed, oldest first, and spans in which it changed too often to tell. */
class Track {
  constructor() {
    this.times = [];
    this.spans = [];
  }

  add(moments, missed, since) {
    if (missed > 0 && moments.length > 0) this.spans.push([since, moments[0]]);
    for (const moment of moments) this.times.push(moment);
    if (this.times.length > 2 * MOMENTS) this.times.splice(0, this.times.length - MOMENTS);
    if (this.spans.length > MOMENTS) this.spans.splice(0, this.spans.length - MOMENTS / 2);
  }

  /** Where the moments begin that are not before `time`. */
  from(time) {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class Model {
  constructor() {
    this.chips = [];
    this.lines = new Map();
    this.gone = [];
    this.parts = new Map();
    this.nets = new Map();
    this.alarms = [];
    this.log = [];
    this.origin = null;
    this.last = 0;
    this.lag = Infinity;
    this.edges = 0;
    this.rate = 0;
    this.updates = 0;
    this.counting = new Set();
    this.pulling = new Set();
    this.now = 0;
  }

  /** Takes one message; tells what it was: "board" if chips or lines may have come or gone. */
  apply(event, now) {
    if (this.origin === null) this.origin = event.at_ns;
    const at = this.time(event.at_ns);
    this.now = now;
    // The shortest way a message has had: later ones waited somewhere.
    this.lag = Math.min(this.lag, now - at);
    this.updates += 1;
    if (event.kind === "board") this.board(event.chips, at);
    if (event.kind === "board") {
      this.parts = new Map((event.parts || []).map((part) => [part.part, part]));
      this.nets = new Map((event.nets || []).map((net) => [net.name, net]));
    } else {
      for (const { net, level, held } of event.nets || []) if (this.nets.has(net)) Object.assign(this.nets.get(net), { level, held });
    }
    for (const update of event.lines || []) this.update(update);
    if (event.kind === "update") for (const { part, state } of event.parts || []) if (this.parts.has(part)) this.parts.get(part).state = state;
    this.alarms = event.alarms || [];
    for (const text of this.alarms) this.log.unshift({ at, text });
    this.log.length = Math.min(this.log.length, LOG);
    this.last = at;
    return event.kind;
  }

  time(ns) {
    return (ns - this.origin) / 1e6;
  }

  /** The time on the board's clock when the page's says `now`, a little late so that it has been told. */
  at(now) {
    return now - this.lag - 60;
  }

  board(chips, at) {
    const lines = new Map();
    for (const chip of chips) {
      for (const line of chip.lines) {
        const key = chip.name + ":" + line.offset;
        const old = this.lines.get(key);
        const kept = old && old.chip.label === chip.label ? old : { since: at, track: null, count: 0, seen: 0, rate: 0 };
        const { offset, name, level, pull, net, ...info } = line;
        lines.set(key, Object.assign(kept, { key, chip, offset, name, level, net, info, touched: true }));
        this.told(kept, pull);
      }
    }
    this.remember(chips);
    this.chips = chips;
    this.lines = lines;
    for (const line of this.counting) if (lines.get(line.key) !== line) this.counting.delete(line);
  }

  /** Chips that went stay as places where they can be plugged in again. */
  remember(chips) {
    const labels = new Set(chips.map((chip) => chip.label));
    this.gone = this.gone.filter((chip) => !labels.has(chip.label));
    for (const chip of this.chips) {
      const known = this.gone.some((other) => other.label === chip.label);
      if (!labels.has(chip.label) && !known) this.gone.push(chip);
    }
    if (this.gone.length > 20) this.gone.shift();
  }

  /** Whether a net is there for the one line alone whose name it has: a part is wired to that. */
  isOwn(name) {
    const net = this.nets.get(name);
    return Boolean(net) && !net.pull && !(net.delay_ns > 0) && net.lines.length === 1 && net.lines[0] === name;
  }

  /** The nets that somebody made, and those at which something is wrong. */
  made() {
    return [...this.nets.values()].filter((net) => net.held === "short" || !this.isOwn(net.name));
  }

  /** The pins of parts on a net, as PART.PIN. */
  pins(net) {
    const on = [];
    for (const { part, pins } of this.parts.values()) {
      for (const [pin, wired] of Object.entries(pins || {})) if (wired === net) on.push(`${part}.${pin}`);
    }
    return on;
  }

  update(update) {
    const line = this.lines.get(update.chip + ":" + update.offset);
    if (!line) return;
    if (update.level) {
      const moments = (update.moments_ns || []).map((ns) => this.time(ns));
      line.level = update.level;
      line.track ||= new Track();
      line.track.add(moments, update.changes - moments.length, this.last);
      line.count += update.changes;
      this.edges += update.changes;
      this.counting.add(line);
    }
    if (update.pull) this.told(line, update.pull);
    if (update.info) line.info = update.info;
    line.touched = true;
  }

  /** A line is going to be pulled from here: known at once, so that what is asked for next starts from it. */
  pulled(line, to, now) {
    Object.assign(line, { pull: to, toldPull: to, ownUntil: now + OWN, touched: true });
    this.pulling.add(line);
  }

  /** A line is told to be pulled; that may be from before it was pulled from here. */
  told(line, pull) {
    line.toldPull = pull;
    if (!(line.ownUntil > this.now)) line.pull = pull;
  }

  /** Takes what was told of lines that were pulled from here a while ago. */
  settle(now) {
    for (const line of this.pulling) {
      if (line.ownUntil > now) continue;
      this.pulling.delete(line);
      line.pull = line.toldPull;
      line.touched = true;
    }
  }

  /** Works out the rates of the last `seconds`. */
  tick(seconds) {
    let total = 0;
    for (const line of this.counting) {
      line.rate = (line.count - line.seen) / seconds;
      line.seen = line.count;
      line.touched = true;
      total += line.rate;
      if (line.rate === 0) this.counting.delete(line);
    }
    this.rate = total;
  }
}
