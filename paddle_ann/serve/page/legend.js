// The classes of a result: colour, area, confidence; which of them are shown.

import { element, make, percent, whole } from "./dom.js";

const section = element("legend");
const body = section.querySelector("tbody");
const absent = section.querySelector("details");

let rows = new Map(); // class number -> its row
let changed = () => {};

/** Fill the table. `visible` is the Set of class numbers that are shown; `whenChanged` follows it. */
export function showLegend(result, visible, whenChanged) {
  const present = result.classes.filter((one) => one.pixels).sort((a, b) => b.pixels - a.pixels);
  rows = new Map(present.map((one) => [one.id, row(one, visible)]));
  changed = () => {
    mark(visible);
    whenChanged();
  };
  body.replaceChildren(...rows.values());
  element("all").onclick = () => {
    result.classes.forEach((one) => visible.add(one.id));
    changed();
  };
  const others = result.classes.filter((one) => !one.pixels).map((one) => one.name);
  absent.hidden = !others.length;
  absent.querySelector("summary").textContent = `${others.length} more, not in this image`;
  absent.querySelector("p").textContent = others.join(", ");
  element("numbers").textContent = [
    `${whole(result.width)} × ${whole(result.height)} pixels`,
    result.confidence === null ? "" : `mean confidence ${percent(result.confidence, 1)}`,
    `network ${result.seconds.network.toFixed(2)} s`,
    `in all ${result.seconds.total.toFixed(2)} s`,
  ].filter(Boolean).join(" · ");
  section.hidden = false;
  mark(visible);
}

export const hideLegend = () => (section.hidden = true);

/** Point out the row of a class, or of none. */
export function pointOut(id) {
  rows.forEach((row, key) => row.classList.toggle("pointed", key === id));
}

function row(one, visible) {
  const swatch = make("span", { className: "swatch" });
  swatch.style.backgroundColor = `rgb(${one.color})`;
  const name = make("button", { type: "button", className: "name" }, swatch, make("span", { textContent: one.name }));
  name.onclick = () => {
    visible.has(one.id) ? visible.delete(one.id) : visible.add(one.id);
    changed();
  };
  const only = make("button", { type: "button", className: "only", textContent: "only" });
  only.ariaLabel = `only ${one.name}`;
  only.onclick = () => {
    visible.clear();
    visible.add(one.id);
    changed();
  };
  const bar = make("span", { className: "bar" });
  bar.style.setProperty("--share", one.area);
  const area = one.area < 0.0005 ? "< 0.1 %" : percent(one.area, 1);
  const made = make(
    "tr", {},
    make("th", { scope: "row" }, name),
    make("td", { title: `${whole(one.pixels)} pixels` }, area, bar),
    make("td", { className: "wide", textContent: whole(one.pixels) }),
    make("td", { textContent: one.confidence === null ? "" : percent(one.confidence) }),
    make("td", {}, only),
  );
  made.dataset.id = one.id;
  return made;
}

function mark(visible) {
  let count = 0;
  rows.forEach((row, id) => {
    const on = visible.has(id);
    count += on;
    row.classList.toggle("off", !on);
    row.querySelector(".name").ariaPressed = String(on);
    row.querySelector(".name").title = on ? "Hide this class" : "Show this class";
  });
  element("all").disabled = count === rows.size;
}
