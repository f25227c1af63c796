// Charts as SVG: a bar with its interval, histogram, reliability, differences, one score against the other.

const line = (x1, y1, x2, y2, name) => svg("line", { x1, y1, x2, y2, class: name });
const label = (x, y, text, anchor = "middle", name = null) => svg("text", { x, y, "text-anchor": anchor, class: name }, text);
const hint = (text) => svg("title", null, text);

function picture(width, height, title, ...children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title }, children);
}

// A share from 0 to 1 as a bar, and its interval as a whisker.
function bar(value, interval) {
  const width = 110, y = 7;
  const parts = [svg("rect", { x: 0, y: 2, width, height: 10, rx: 2, class: "track" })];
  if (value !== null) parts.push(svg("rect", { x: 0, y: 2, width: width * value, height: 10, rx: 2, class: "bar" }));
  if (interval && interval[0] !== null) {
    const [low, high] = interval.map((end) => width * end);
    parts.push(line(low, y, high, y, "whisker"), line(low, y - 4, low, y + 4, "whisker"), line(high, y - 4, high, y + 4, "whisker"));
  }
  return picture(width, 14, `${score(value)}, interval ${range(interval)}`, parts);
}

// Axes of a square or flat field from 0 to 1 both ways; `at` maps values to places.
function field(width, height, across, up, ticks = [0, 0.25, 0.5, 0.75, 1]) {
  const left = 46, top = 8, bottom = 38, inner = [width - left - 10, height - top - bottom];
  const at = (x, y) => [left + x * inner[0], top + (1 - y) * inner[1]];
  const parts = [svg("rect", { x: left, y: top, width: inner[0], height: inner[1], class: "axis" })];
  for (const tick of ticks) {
    parts.push(label(at(tick, 0)[0], at(0, 0)[1] + 15, String(tick)));
  }
  parts.push(label(left + inner[0] / 2, height - 4, across));
  const middle = top + inner[1] / 2;
  parts.push(svg("text", { x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, up));
  return { at, inner, parts };
}

function histogram(counts, spread) {
  const most = Math.max(...counts), { at, parts } = field(480, 240, "mean IoU of an image", "images");
  const [low, high] = [spread.quantiles["5"], spread.quantiles["95"]];
  parts.push(svg("rect", { x: at(low, 0)[0], y: at(0, 1)[1], width: at(high, 0)[0] - at(low, 0)[0], height: at(0, 0)[1] - at(0, 1)[1], class: "faint" }));
  counts.forEach((count, index) => {
    const [x, y] = at(index / counts.length, (0.95 * count) / most);
    parts.push(svg("rect", { x: x + 1, y, width: at(1 / counts.length, 0)[0] - at(0, 0)[0] - 2, height: at(0, 0)[1] - y, class: "bar" },
      hint(`${index / counts.length} to ${(index + 1) / counts.length}: ${count} images`)));
  });
  const middle = at(spread.quantiles["50"], 0)[0];
  parts.push(line(middle, at(0, 1)[1], middle, at(0, 0)[1], "mark"), label(at(0, 0)[0] - 5, at(0, 0.95)[1] + 4, whole(most), "end"), label(at(0, 0)[0] - 5, at(0, 0)[1], "0", "end"));
  return picture(480, 240, "Histogram of the images' mean IoU", parts);
}

function reliability(bins) {
  const { at, inner, parts } = field(420, 380, "confidence: probability of the chosen class", "accuracy of these pixels");
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) parts.push(label(at(0, 0)[0] - 5, at(0, tick)[1] + 4, String(tick), "end"));
  const total = bins.reduce((sum, bin) => sum + bin.pixels, 0);
  for (const bin of bins.filter((one) => one.pixels)) {
    const over = bin.confidence > bin.accuracy, width = inner[0] / bins.length - 2, x = at(bin.from, 0)[0] + 1;
    const [low, high] = [at(0, Math.min(bin.accuracy, bin.confidence))[1], at(0, Math.max(bin.accuracy, bin.confidence))[1]];
    const text = `confidence ${bin.confidence.toFixed(3)}, accuracy ${bin.accuracy.toFixed(3)}, ${percent(bin.pixels / total)} of the pixels`;
    parts.push(svg("rect", { x, y: low, width, height: at(0, 0)[1] - low, class: "bar" }, hint(text)),
      svg("rect", { x, y: high, width, height: low - high, class: over ? "over" : "under" }, hint(text)));
  }
  parts.push(line(...at(0, 0), ...at(1, 1), "rule"));
  return picture(420, 380, "Reliability diagram", parts);
}

function shares(bins) {
  const most = Math.max(...bins.map((bin) => bin.pixels)), total = bins.reduce((sum, bin) => sum + bin.pixels, 0);
  const { at, inner, parts } = field(420, 130, "confidence", "pixels");
  for (const bin of bins) {
    const [x, y] = at(bin.from, bin.pixels / most);
    parts.push(svg("rect", { x: x + 1, y, width: inner[0] / bins.length - 2, height: at(0, 0)[1] - y, class: "bar" }, hint(`${whole(bin.pixels)} pixels`)));
  }
  parts.push(label(at(0, 0)[0] - 5, at(0, 1)[1] + 8, percent(most / total, 0), "end"));
  return picture(420, 130, "Share of the pixels in each bin", parts);
}

// The next of 1, 2, 5, 10, … times a power of ten.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= value);
}

const ticked = (value) => (value ? `${value > 0 ? "+" : "−"}${Number(Math.abs(value).toPrecision(2))}` : "0");

// Differences with their intervals about a line at 0.
function differences(rows) {
  const height = 24 * rows.length + 44, left = 170, width = 900, inner = width - left - 20;
  const reach = 1.08 * Math.max(0.01, ...rows.flatMap((row) => [row.difference, ...(row.interval || [])]).filter((v) => v !== null).map(Math.abs));
  const x = (value) => left + inner * (0.5 + value / (2 * reach));
  const parts = [line(x(0), 4, x(0), height - 34, "rule")];
  rows.forEach((row, index) => {
    const y = 18 + 24 * index, name = row.excludes_zero ? (row.difference > 0 ? "up" : "down") : "flat";
    parts.push(label(left - 10, y + 4, row.name, "end", row.excludes_zero ? "ink" : null));
    if (row.difference === null) return;
    const text = hint(`${row.name}: ${signed(row.difference)}, ${row.interval.map(signed).join(" to ")}`);
    if (row.interval[0] !== null) {
      const [low, high] = row.interval.map(x);
      parts.push(svg("line", { x1: low, y1: y, x2: high, y2: y, "stroke-width": 3, class: name }, text));
    }
    parts.push(svg("circle", { cx: x(row.difference), cy: y, r: 5, class: name }, text.cloneNode(true)));
  });
  const step = nice(reach / 5);
  for (let tick = -Math.floor(reach / step); tick * step <= reach; tick++) parts.push(label(x(tick * step), height - 16, ticked(tick * step)));
  parts.push(label(x(0), height - 2, "A is better  ◀   difference B − A   ▶  B is better"));
  const chart = picture(width, height, "Differences with their intervals", parts);
  chart.setAttribute("class", "wide");
  return chart;
}

function scatter(points) {
  const { at, parts } = field(400, 400, "mean IoU of the image, A", "mean IoU of the image, B");
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) parts.push(label(at(0, 0)[0] - 5, at(0, tick)[1] + 4, String(tick), "end"));
  parts.push(line(...at(0, 0), ...at(1, 1), "rule"));
  for (const [name, a, b] of points) {
    const [cx, cy] = at(a, b);
    parts.push(svg("circle", { cx, cy, r: 3.5, class: "dot" }, hint(`${name}: A ${a.toFixed(3)}, B ${b.toFixed(3)}`)));
  }
  return picture(400, 400, "Each image's mean IoU in A and in B", parts);
}
