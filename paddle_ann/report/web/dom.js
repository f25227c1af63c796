"use strict";
// Elements, numbers and tables. Texts are put in as text, so nothing from outside becomes markup.

function make(space, tag, attributes, children) {
  const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const h = (tag, attributes, ...children) => make(null, tag, attributes, children);
const svg = (tag, attributes, ...children) => make("http://www.w3.org/2000/svg", tag, attributes, children);

const score = (value) => (value === null ? "absent" : value.toFixed(4));
const percent = (value, digits = 1) => (value === null ? "–" : `${(100 * value).toFixed(digits)} %`);
const whole = (value) => value.toLocaleString("en-US");
const signed = (value) => (value === null ? "–" : `${value > -0.00005 ? "+" : "−"}${Math.abs(value).toFixed(4)}`);
const range = (pair, show = (value) => value.toFixed(3)) => (pair && pair[0] !== null ? `${show(pair[0])}\u2009–\u2009${show(pair[1])}` : "–");

function short(value) {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size) return `${value / size < 9.95 ? (value / size).toFixed(1) : Math.round(value / size)}${unit}`;
  }
  return String(value);
}

const swatch = (color) => h("span", { class: "swatch", style: `background:${color}` });
const card = (title, value, detail) => h("div", { class: "card" }, h("span", null, title), h("b", null, value), h("span", null, detail || " "));
const section = (title, note, ...children) => h("section", null, h("h2", null, title), note && h("p", { class: "soft" }, note), ...children);
const scroll = (label, child) => h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, child);

// A table whose columns can be sorted: {title, value: row => number | text | null, show: row => node or text}.
function table(label, columns, rows) {
  const body = h("tbody");
  const heads = columns.map((column, index) =>
    h("th", { scope: "col", class: column.text ? null : "number", title: column.hint },
      h("button", { type: "button", onclick: () => sort(index) }, column.title)));
  const fill = (ordered) => body.replaceChildren(...ordered.map((row) =>
    h("tr", null, columns.map((column) => h("td", { class: column.text ? null : "number" }, (column.show || column.value)(row))))));
  function sort(index) {
    const { value, text } = columns[index];
    const before = heads[index].getAttribute("aria-sort");
    const up = before ? before === "descending" : Boolean(text);
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[index].setAttribute("aria-sort", up ? "ascending" : "descending");
    const compare = (a, b) => (text ? String(a).localeCompare(String(b)) : a - b) * (up ? 1 : -1);
    fill([...rows].sort((a, b) => {
      const [left, right] = [value(a), value(b)];
      if (left === null || right === null) return (left === null) - (right === null);  // absent: last
      return compare(left, right);
    }));
  }
  fill(rows);
  return scroll(label, h("table", { class: "data" }, h("thead", null, h("tr", null, heads)), body));
}

// Buttons of which one is chosen.
function choice(label, names, chosen) {
  const buttons = names.map((name, index) => h("button", { type: "button", "aria-pressed": index === 0, onclick: () => press(index) }, name));
  function press(index) {
    buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === index)));
    chosen(index);
  }
  buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === 0)));
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}
