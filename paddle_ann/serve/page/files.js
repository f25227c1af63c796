// The images that were given, in turn: each is uploaded, waits, and has a result or a reason.

import { segmentPatiently } from "./api.js";
import { element, make } from "./dom.js";
import { bytesOf, decode, toImageData } from "./png.js";

const list = element("files").querySelector("ol");
const entries = [];
let chosen = null;
let running = false;
let facts = null; // what the server told about the model
let changed = () => {};

/** `facts` are those of api/model; `whenChanged` is called with the entry that is shown. */
export function start(about, whenChanged) {
  facts = about;
  changed = whenChanged;
}

export const current = () => chosen;

/** Put files at the end of the row; the first of them is shown. */
export function add(files) {
  const added = [...files].map((file) => {
    const entry = { file, name: file.name || "pasted image", state: "waiting", visible: new Set() };
    entry.stop = new AbortController();
    entry.button = make("button", { type: "button", className: "entry" });
    entry.button.onclick = () => choose(entry);
    const away = make("button", { type: "button", className: "away", textContent: "×" });
    away.ariaLabel = away.title = `Remove ${entry.name}`;
    away.onclick = () => remove(entry);
    entry.item = make("li", {}, entry.button, away);
    list.append(entry.item);
    describe(entry);
    return entry;
  });
  entries.push(...added);
  if (added.length) choose(added[0]);
  work();
}

function choose(entry) {
  chosen = entry;
  for (const other of entries) other.item.classList.toggle("chosen", other === entry);
  for (const other of entries) other.button.ariaCurrent = String(other === entry);
  element("files").hidden = !entries.length;
  changed(chosen);
}

function remove(entry) {
  const place = entries.indexOf(entry);
  entries.splice(place, 1);
  entry.item.remove();
  entry.stop.abort();
  if (entry === chosen) choose(entries[Math.min(place, entries.length - 1)] ?? null);
  element("files").hidden = !entries.length;
}

function describe(entry, progress) {
  const text = {
    waiting: "waiting",
    uploading: typeof progress === "number" ? `uploading ${Math.floor(progress * 100)} %` : "uploading",
    segmenting: "segmenting",
    busy: progress,
    done: entry.result && `${entry.result.width} × ${entry.result.height}`,
    failed: "failed",
  }[entry.state];
  entry.progress = typeof progress === "number" ? progress : null;
  entry.text = text;
  entry.item.dataset.state = entry.state;
  entry.button.replaceChildren(make("span", { className: "file", textContent: entry.name }),
    make("small", { textContent: entry.message ?? text }));
  if (entry === chosen) changed(entry);
}

/** One after another, so that the server's queue is left to others. */
async function work() {
  if (running) return;
  running = true;
  for (let entry; (entry = entries.find((one) => one.state === "waiting")); ) {
    try {
      await process(entry);
      entry.state = "done";
    } catch (error) {
      if (error.name === "AbortError") continue;
      entry.state = "failed";
      entry.message = error.message;
    }
    describe(entry);
  }
  running = false;
}

async function process(entry) {
  const { file } = entry;
  entry.state = "uploading";
  describe(entry);
  if (file.size > facts.limits.max_bytes)
    throw new Error(`The file has ${file.size.toLocaleString("en-US")} bytes, and this server takes ${facts.limits.max_bytes.toLocaleString("en-US")} at most. Make the image smaller, or save it as JPEG.`);
  entry.image = await createImageBitmap(file).catch(() => null); // a first look; TIFF has none
  describe(entry);
  // Browsers and the server turn a JPEG alike. What else was sent comes back as the network saw it.
  const local = entry.image && file.type === "image/jpeg";
  let answer = await send(entry, [...basic(), ...(local ? [] : ["image"])]);
  if (local && (entry.image.width !== answer.width || entry.image.height !== answer.height))
    answer = await send(entry, [...basic(), "image"]);
  entry.result = await unpack(answer, entry.image);
  answer.classes.forEach((one) => entry.visible.add(one.id));
}

const basic = () => ["ids", "confidence"].filter((kind) => facts.outputs.includes(kind));

function send(entry, outputs) {
  const told = (news) => {
    entry.state = news === "sent" ? "segmenting" : typeof news === "number" ? "uploading" : "busy";
    entry.since = performance.now();
    describe(entry, news);
  };
  return segmentPatiently(entry.file, outputs, told, entry.stop.signal);
}

async function unpack(answer, image) {
  const files = Object.fromEntries(Object.entries(answer.outputs).map(([kind, text]) => [kind, bytesOf(text)]));
  const ids = (await decode(files.ids)).data;
  const sure = files.confidence ? (await decode(files.confidence)).data : null; // 0 to 255
  if (files.image) image = toImageData(await decode(files.image));
  return { ...answer, files, ids, sure, image };
}
