// The image and the layer over it: two canvases of the image's own size, laid on one another.

import { element } from "./dom.js";

const [picture, layer, stack, mark, tip, probe] = ["picture", "layer", "stack", "mark", "tip", "probe"].map(element);

let shown = null; // {width, height, ids, sure, classes}
let point = null; // [x, y] of the pixel that is told

/** Show an image alone, as long as there is no result. */
export function showImage(image) {
  shown = null;
  point = null;
  for (const canvas of [picture, layer]) [canvas.width, canvas.height] = [image.width, image.height];
  stack.style.setProperty("--ratio", image.width / image.height);
  draw(picture, image);
  tell(null);
}

/** Show a result; `paint` gives it its colours. */
export function showResult(result) {
  showImage(result.image);
  shown = result;
}

function draw(canvas, image) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (image instanceof ImageData) context.putImageData(image, 0, 0);
  else context.drawImage(image, 0, 0);
}

/** Colour the layer: the visible classes in their colours, or confidence from black to white. */
export function paint(mode, visible, opacity) {
  layer.style.opacity = opacity;
  if (!shown) return;
  const [values, colors] =
    mode === "confidence" ? [shown.sure, greys()] : [shown.ids, classColors(visible)];
  const image = new ImageData(shown.width, shown.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colors[values[i]];
  draw(layer, image);
}

function classColors(visible) {
  return table((id, bytes) => {
    const known = shown.classes[id];
    if (known && visible.has(id)) bytes.set([...known.color, 255]); // others: not there at all
  });
}

const greys = () => table((value, bytes) => bytes.set([value, value, value, 255]));

function table(fill) {
  const bytes = new Uint8Array(1024);
  for (let i = 0; i < 256; i++) fill(i, bytes.subarray(4 * i, 4 * i + 4));
  return new Uint32Array(bytes.buffer);
}

/** Blend image and visible classes as they are shown; the result is a canvas. */
export function blend(result, visible, opacity) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [result.width, result.height];
  draw(canvas, result.image);
  const context = canvas.getContext("2d");
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < result.ids.length; i++) {
    if (!visible.has(result.ids[i])) continue;
    const color = result.classes[result.ids[i]].color;
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = Math.round(image.data[4 * i + c] * (1 - opacity) + color[c] * opacity);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// -- the point that is told -------------------------------------------------------------------

const watchers = [];

/** Call with the class under the point, or null. */
export const onProbe = (watcher) => watchers.push(watcher);

function tell(at, byKeys = false) {
  point = shown && at;
  tip.hidden = mark.hidden = !point;
  const id = point ? shown.ids[point[1] * shown.width + point[0]] : null;
  watchers.forEach((watcher) => watcher(id));
  if (!point) return void (probe.textContent = shown ? "Point at the image: class and confidence" : "\u00a0");
  const [x, y] = point;
  const sure = shown.sure ? `, ${Math.round(shown.sure[y * shown.width + x] / 2.55)} %` : "";
  tip.textContent = `${shown.classes[id].name}${sure}`;
  probe.textContent = `x ${x}, y ${y}: ${tip.textContent}`;
  mark.hidden = !byKeys;
  for (const note of [mark, tip]) {
    note.style.left = `${((x + 0.5) / shown.width) * 100}%`;
    note.style.top = `${((y + 0.5) / shown.height) * 100}%`;
  }
  tip.classList.toggle("left", x > shown.width / 2);
}

function pixelAt(event) {
  const box = layer.getBoundingClientRect();
  const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return [clamp(share[0] * layer.width, layer.width), clamp(share[1] * layer.height, layer.height)];
}

const clamp = (value, length) => Math.min(Math.max(Math.floor(value), 0), length - 1);

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

layer.addEventListener("pointermove", (event) => tell(pixelAt(event)));
layer.addEventListener("pointerdown", (event) => tell(pixelAt(event)));
layer.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && tell(null));
layer.addEventListener("blur", () => tell(null));
layer.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || !shown) return;
  event.preventDefault();
  const size = event.shiftKey ? 10 : 1;
  const [x, y] = point ?? [Math.floor(shown.width / 2), Math.floor(shown.height / 2)];
  tell([clamp(x + size * step[0], shown.width), clamp(y + size * step[1], shown.height)], true);
});
