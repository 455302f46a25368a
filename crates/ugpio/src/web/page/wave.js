// Draws the waveform of one line: the last `span` milliseconds up to `end`, on the board's clock.

const HIGH = 5;

/**
 * @param {CanvasRenderingContext2D} context of a canvas of `width` by `height` CSS pixels
 * @returns {boolean} whether anything changed in the window, so that it must be drawn again
 */
export function draw(context, { width, height, end, span, line, colors }) {
  const ratio = context.canvas.width / width;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const top = HIGH + 0.5;
  const bottom = height - HIGH - 0.5;
  const x = (time) => ((time - (end - span)) / span) * width;
  context.strokeStyle = colors.grid;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, bottom);
  context.lineTo(width, bottom);
  context.stroke();

  const { track } = line;
  const times = track ? track.times : [];
  const first = track ? track.from(end - span) : 0;
  let moving = busy(context, { track, x, top, bottom, width, colors });
  let last = times.length;
  // What is not to be seen yet has happened, though: the level before it is another.
  while (last > first && times[last - 1] > end) last -= 1;
  const after = times.length - last;
  moving ||= last > first || after > 0;
  const isHigh = (line.level === "high") !== (after % 2 === 1);
  context.strokeStyle = line.info.direction === "output" ? colors.out : colors.high;
  context.lineWidth = 1.5;
  context.beginPath();
  let level = isHigh;
  context.moveTo(width, level ? top : bottom);
  let column = Infinity;
  for (let index = last - 1; index >= first; index -= 1) {
    const at = x(times[index]);
    // More than a pixel can show: it is drawn once.
    if (column - at >= 0.5 || index === first) {
      // Where it was left, it may have another level since.
      context.lineTo(Math.min(column, width), level ? top : bottom);
      context.lineTo(at, level ? top : bottom);
      context.lineTo(at, level ? bottom : top);
      column = at;
    }
    level = !level;
  }
  // Before it was told of for the first time nothing is known of it.
  const start = Math.max(0, x(line.since));
  context.lineTo(start, level ? top : bottom);
  context.stroke();
  return moving || start > 0;
}

/** Spans in which a line changed too often to tell each change: a band. */
function busy(context, { track, x, top, bottom, width, colors }) {
  let any = false;
  context.fillStyle = colors.busy;
  for (const [from, to] of track ? track.spans : []) {
    const left = x(from);
    const right = x(to);
    if (right < 0 || left > width) continue;
    context.fillRect(left, top, Math.max(1, right - left), bottom - top);
    any = true;
  }
  return any;
}
