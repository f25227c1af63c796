// Short words for what the other files do to the document. Text goes in as text, never as HTML.

export const element = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const percent = (share, digits = 0) => `${(share * 100).toFixed(digits)} %`;
export const whole = (number) => number.toLocaleString("en-US");
