"use strict";
// Coordinates: x, y are pixels of the picture; nx, ny pixels of the image that the network saw;
// column, row a position of the map whose positions ask. S weights belong to each position.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const words = (text) => new Uint16Array(bytes(text).buffer);

const ramp = bytes(data.ramp);
const classes = data.wide ? words(data.classes) : bytes(data.classes);
const confidence = bytes(data.confidence);
const [width, height] = data.size;
const [networkWidth, networkHeight] = data.network;
const blocks = data.blocks.map((block) => ({
  ...block,
  cells: block.pools.reduce((sum, size) => sum + size * size, 0),
  weights: words(block.weights),
  columns: words(block.columns),
  rows: words(block.rows),
}));

const [firstX, firstY] = data.points[0] ?? [Math.floor(width / 2), Math.floor(height / 2)];
const state = { block: 0, x: firstX, y: firstY, pins: [...data.points], held: -1, cell: null };
let pointer = "mouse"; // what touched the page last

// -- the arithmetic ------------------------------------------------------------------------------

const toNetwork = (x, from, to) => Math.floor(((2 * x + 1) * to) / (2 * from));
const clamp = (value, end) => Math.min(Math.max(value, 0), end - 1);

function position(block, x, y) {
  return {
    column: block.columns[toNetwork(x, width, networkWidth)],
    row: block.rows[toNetwork(y, height, networkHeight)],
  };
}

/** The S weights, from 0 to 1, of the position at a pixel. */
function weightsAt(block, x, y) {
  const { column, row } = position(block, x, y);
  const start = (row * block.map[1] + column) * block.cells;
  return Array.from(block.weights.subarray(start, start + block.cells), (w) => w / 65535);
}

/** Where a weight stands on the scale, 0 to 255; as `shade` of paddle_ann.visualize.shading. */
function shade(weight, block) {
  const share = 0.5 + (0.5 * Math.log(weight * block.cells)) / Math.log(block.top);
  return Math.floor(Math.min(Math.max(share, 0), 1) * 255 + 0.5);
}

/** The pixel in the middle of the next position that differs, along one side. */
function step(lookup, pixel, direction, length, networkLength) {
  const now = lookup[toNetwork(pixel, length, networkLength)];
  let first = toNetwork(pixel, length, networkLength);
  while (lookup[first] === now) first += direction;
  if (lookup[first] === undefined) return pixel;
  let last = first;
  while (lookup[last + direction] === lookup[first]) last += direction;
  return clamp(Math.floor(((first + last + 1) * length) / (2 * networkLength)), length);
}

// -- drawing -------------------------------------------------------------------------------------

const element = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
};
const place = (node, x, y) => {
  node.style.left = `${(100 * (x + 0.5)) / width}%`;
  node.style.top = `${(100 * (y + 0.5)) / height}%`;
  return node;
};
const times = (weight, block) => `${(weight * block.cells).toPrecision(2)}× even`;
const swatch = (number) => {
  const made = element("span", { className: "swatch" });
  made.style.background = `rgb(${data.palette[number] ?? [128, 128, 128]})`;
  return made;
};

function paint(canvas, columns, rows, colorOf) {
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) pixels.data.set([...colorOf(i), 255], 4 * i);
  context.putImageData(pixels, 0, 0);
}

/** Lays a box over one cell of a grid. */
function frame(box, size, index) {
  box.hidden = index < 0;
  Object.assign(box.style, {
    inset: "auto", width: `${100 / size}%`, height: `${100 / size}%`,
    left: `${(100 * (index % size)) / size}%`, top: `${(100 * Math.floor(index / size)) / size}%`,
  });
}

/** Makes the panels of a block, once for each time that it is chosen. */
function build() {
  const block = blocks[state.block];
  byId("about").textContent = block.about;
  byId("cells").textContent = block.cells;
  let start = 0;
  byId("grids").replaceChildren(...block.pools.map((size) => {
    const stage = element("div", { className: "stage" },
      element("img", { src: data.picture, alt: "" }), element("canvas", { className: "cells" }),
      element("div", { className: "box", hidden: true }), element("div"));
    const panel = element("figure", {}, stage, element("figcaption"));
    Object.assign(panel, { size, start });
    start += size * size;
    stage.addEventListener("pointermove", (event) => readCell(panel, event));
    stage.addEventListener("pointerdown", (event) => readCell(panel, event));
    return panel;
  }));
  paint(byId("ramp"), 256, 1, (i) => ramp.subarray(3 * i, 3 * i + 3));
  byId("ticks").replaceChildren(...block.ticks.map((ratio) => {
    const weight = ratio / block.cells;
    const tick = element("span", { className: ratio === 1 ? "even" : "" },
      weight.toPrecision(2), element("br"), ratio === 1 ? "even" : `×${Number(ratio.toPrecision(2))}`);
    tick.style.left = `${shade(weight, block) / 2.55}%`;
    return tick;
  }));
  byId("scale").setAttribute("aria-label", `Scale: ${byId("ticks").textContent}`);
  for (const [index, button] of [...byId("blocks").children].entries()) {
    button.setAttribute("aria-pressed", index === state.block);
  }
}

function readCell(panel, event) {
  const box = panel.firstChild.getBoundingClientRect();
  const column = clamp(Math.floor(((event.clientX - box.left) / box.width) * panel.size), panel.size);
  const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * panel.size), panel.size);
  state.cell = { panel, column, row };
  showCell();
}

function showCell() {
  if (!state.cell || !state.cell.panel.isConnected) return;
  const { panel, column, row } = state.cell;
  const block = blocks[state.block];
  const weight = weightsAt(block, state.x, state.y)[panel.start + row * panel.size + column];
  byId("cell").textContent =
    `Cell in row ${row + 1}, column ${column + 1} of ${panel.size} × ${panel.size}: ` +
    `${weight.toFixed(5)}, ${times(weight, block)}`;
}

function showGrids() {
  const block = blocks[state.block];
  const weights = weightsAt(block, state.x, state.y);
  const largest = weights.indexOf(Math.max(...weights));
  for (const panel of byId("grids").children) {
    const { size, start } = panel;
    const part = weights.slice(start, start + size * size);
    const [, canvas, box, markers] = panel.firstChild.children;
    paint(canvas, size, size, (i) => ramp.subarray(3 * shade(part[i], block), 3 * shade(part[i], block) + 3));
    frame(box, size, largest >= start && largest < start + size * size ? largest - start : -1);
    markers.replaceChildren(place(element("div", { className: "marker" }), state.x, state.y));
    const sum = part.reduce((a, b) => a + b, 0);
    panel.lastChild.textContent =
      `${size} × ${size}: ${sum.toFixed(3)} (even ${((size * size) / block.cells).toFixed(3)})`;
  }
  const order = weights.map((_, i) => i).sort((a, b) => weights[b] - weights[a]);
  byId("strongest").tBodies[0].replaceChildren(...order.slice(0, 5).map((i) => {
    const { size, start } = [...byId("grids").children].findLast((panel) => panel.start <= i);
    const texts = [
      `${size} × ${size}`, `row ${Math.floor((i - start) / size) + 1}`,
      `column ${((i - start) % size) + 1}`, weights[i].toFixed(4), times(weights[i], block),
    ];
    return element("tr", {}, ...texts.map((textContent) => element("td", { textContent })));
  }));
}

function showPoint() {
  const { x, y } = state;
  const { column, row } = position(blocks[state.block], x, y);
  const index = toNetwork(y, height, networkHeight) * networkWidth + toNetwork(x, width, networkWidth);
  const number = classes[index];
  const padding = x >= data.inside[0] || y >= data.inside[1] ? ", in the padding" : "";
  byId("readout").replaceChildren(
    swatch(number), " ", element("b", { textContent: data.names[number] ?? `class ${number}` }),
    ` ${((confidence[index] / 255) * 100).toFixed(0)} %`, element("br"),
    element("span", { className: "faint", textContent:
      `pixel (${x}, ${y})${padding}, position (${column}, ${row}) of ` +
      `${blocks[state.block].map[1]} × ${blocks[state.block].map[0]}` +
      (state.held < 0 ? "" : `; held by pin ${state.held + 1}, Esc lets go`) }));
}

function showPins() {
  byId("markers").replaceChildren(
    ...state.pins.map(([x, y], i) => place(element("div", {
      className: i === state.held ? "marker pinned chosen" : "marker pinned", textContent: i + 1,
    }), x, y)),
    ...(state.held < 0 ? [place(element("div", { className: "marker" }), state.x, state.y)] : []));
  byId("pins").replaceChildren(...state.pins.map(([x, y], i) => element("li", {},
    element("button", { type: "button", textContent: `${i + 1}: (${x}, ${y})`, "aria-pressed": i === state.held,
      onclick: () => hold(i === state.held ? -1 : i) }),
    element("button", { type: "button", textContent: "×", "aria-label": `Remove pin ${i + 1}`, onclick: () => remove(i) }))));
}

function show() {
  showPoint();
  showGrids();
  showPins();
  showCell();
}

// -- what the reader does ------------------------------------------------------------------------

function move(x, y) {
  Object.assign(state, { x: clamp(x, width), y: clamp(y, height), held: -1 });
  show();
}

function hold(index) {
  state.held = index;
  if (index >= 0) [state.x, state.y] = state.pins[index];
  show();
}

function pin() {
  if (state.held < 0) state.pins.push([state.x, state.y]);
  hold(state.held < 0 ? state.pins.length - 1 : state.held);
}

function remove(index) {
  state.pins.splice(index, 1);
  hold(-1);
}

function choose(index) {
  state.block = (index + blocks.length) % blocks.length;
  build();
  show();
}

function pixelOf(event) {
  const box = byId("stage").getBoundingClientRect();
  return [
    clamp(Math.floor(((event.clientX - box.left) / box.width) * width), width),
    clamp(Math.floor(((event.clientY - box.top) / box.height) * height), height),
  ];
}

/** The pin under the pointer, or -1. */
function pinAt(event) {
  const box = byId("stage").getBoundingClientRect();
  return state.pins.findIndex(([x, y]) => Math.hypot(
    box.left + ((x + 0.5) / width) * box.width - event.clientX,
    box.top + ((y + 0.5) / height) * box.height - event.clientY) <= 12);
}

function showPrediction(shown) {
  byId("show").checked = shown;
  byId("prediction").hidden = !shown;
  if (shown) {
    paint(byId("prediction"), networkWidth, networkHeight, (i) => data.palette[classes[i]] ?? [128, 128, 128]);
  }
}

const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function arrow([dx, dy], byPixel) {
  const block = blocks[state.block];
  if (byPixel) return move(state.x + dx, state.y + dy);
  return move(
    dx ? step(block.columns, state.x, dx, width, networkWidth) : state.x,
    dy ? step(block.rows, state.y, dy, height, networkHeight) : state.y);
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onButton = event.target.closest?.("button, input");
  if (arrows[key]) arrow(arrows[key], event.shiftKey);
  else if (key === "b") choose(state.block + (event.shiftKey ? -1 : 1));
  else if (key === "Enter" && !onButton) pin();
  else if (key === "Escape") hold(-1);
  else if (key === "p") showPrediction(byId("prediction").hidden);
  else if ((key === "Delete" || key === "Backspace") && state.held >= 0) remove(state.held);
  else if (/^[1-9]$/.test(key) && Number(key) <= state.pins.length) hold(Number(key) - 1);
  else return;
  event.preventDefault();
}

function start() {
  byId("file").textContent = data.file;
  byId("notes").textContent = data.notes;
  Object.assign(byId("picture"), { src: data.picture, alt: data.file, width, height });
  byId("blocks").replaceChildren(...blocks.map((block, i) =>
    element("button", { type: "button", textContent: block.name, onclick: () => choose(i) })));
  byId("pin").onclick = pin;
  byId("show").onchange = (event) => showPrediction(event.target.checked);
  const stage = byId("stage");
  stage.style.maxWidth = `calc(80vh * ${width / height})`; // the whole of a tall picture is seen
  addEventListener("pointerdown", (event) => (pointer = event.pointerType), true);
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch" && state.held < 0) move(...pixelOf(event));
  });
  stage.addEventListener("click", (event) => {
    const hit = pinAt(event);
    if (hit >= 0) return hold(hit === state.held ? -1 : hit);
    move(...pixelOf(event));
    return pointer === "touch" ? undefined : pin();
  });
  addEventListener("keydown", press);
  choose(0);
}

start();
