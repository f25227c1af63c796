// The page: images come in, the chosen one is shown, and its results can be taken along.

import { model } from "./api.js";
import { element, whole } from "./dom.js";
import { add, current, start } from "./files.js";
import { hideLegend, pointOut, showLegend } from "./legend.js";
import { blend, onProbe, paint, showImage, showResult } from "./view.js";

const opacity = element("opacity");
const opacities = { classes: 40, confidence: 100 }; // in percent; each keeps its own
let seen = {}; // what of the chosen entry is on the page

function show(entry) {
  problem(entry?.state === "failed" ? `${entry.name}: ${entry.message}` : "");
  const image = entry?.result?.image ?? entry?.image;
  element("shown").hidden = !image || entry.state === "failed";
  element("drop").classList.toggle("small", Boolean(entry));
  element("tools").hidden = element("downloads").hidden = element("probe").hidden = !entry?.result;
  working(entry);
  const { result } = entry ?? {};
  if (seen.entry === entry && seen.image === image && seen.result === result) return;
  seen = { entry, image, result };
  if (!result) {
    hideLegend();
    if (image) showImage(image);
    return;
  }
  showResult(result);
  showLegend(result, entry.visible, refresh);
  onlyClasses(!result.sure);
  refresh();
}

const mode = () => document.querySelector("[name=mode]:checked").value;

function refresh() {
  opacity.value = opacities[mode()];
  element("opacity-text").textContent = `${opacity.value} %`;
  const share = element("on").checked ? opacity.value / 100 : 0;
  paint(mode(), current()?.visible ?? new Set(), share);
}

function onlyClasses(only) {
  element("modes").hidden = only;
  element("downloads").querySelector("[data-kind=confidence]").hidden = only;
  if (only) document.querySelector("[value=classes]").checked = true;
}

function working(entry) {
  const busy = entry && !["done", "failed"].includes(entry.state);
  element("work").hidden = !busy;
  if (!busy) return;
  const seconds = entry.state === "segmenting" ? Math.floor((performance.now() - entry.since) / 1000) : 0;
  element("work-text").textContent = entry.text + (seconds ? ` ${seconds} s` : "");
  const bar = element("work-bar");
  if (entry.progress === null) bar.removeAttribute("value");
  else bar.value = entry.progress;
}
setInterval(() => working(current()), 500);

function problem(text) {
  element("problem").hidden = !text;
  element("problem").textContent = text;
}

// -- downloads ----------------------------------------------------------------------------------

async function download(kind) {
  const { result, visible, name } = current();
  const canvas = kind === "overlay" && blend(result, visible, opacities.classes / 100);
  const blob = canvas
    ? await new Promise((resolve) => canvas.toBlob(resolve, "image/png"))
    : new Blob([result.files[kind]], { type: "image/png" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.${kind}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

for (const button of element("downloads").querySelectorAll("button"))
  button.addEventListener("click", () => download(button.dataset.kind));

// -- how images come in -------------------------------------------------------------------------

function take(files) {
  const images = [...files];
  if (images.length) add(images);
}

function listen() {
  const choose = element("choose");
  choose.addEventListener("change", () => {
    take(choose.files);
    choose.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", (event) => take(event.clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  for (const end of ["dragleave", "drop"])
    document.addEventListener(end, (event) => {
      if (end === "drop" || !event.relatedTarget) document.body.classList.remove("dragging");
    });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  opacity.addEventListener("input", () => (opacities[mode()] = Number(opacity.value)));
  for (const input of [opacity, element("on"), ...document.querySelectorAll("[name=mode]")])
    input.addEventListener("input", refresh);
  onProbe(pointOut);
}

try {
  const facts = await model();
  element("model").textContent = `${facts.name} · ${facts.classes.length} classes · ${facts.engine}`;
  element("limits").textContent =
    `${facts.formats.join(", ")}; at most ${whole(Math.floor(facts.limits.max_bytes / 2 ** 20))} MiB and ${whole(facts.limits.max_pixels)} pixels. Nothing is stored.`;
  start(facts, show);
  listen();
} catch (error) {
  problem(error.message);
  element("drop").hidden = true;
}
