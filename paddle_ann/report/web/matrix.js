// The confusion matrix: a row is a label, a column what its pixels were taken for.

const DENSE = 40; // more classes than this are drawn without numbers; they are in the hints

function matrix(names, counts) {
  const rows = counts.map((row) => row.reduce((sum, n) => sum + n, 0));
  const columns = counts[0].map((_, c) => counts.reduce((sum, row) => sum + row[c], 0));
  const dense = names.length > DENSE, most = Math.max(1, ...counts.flat());
  const of = (value, whole) => (whole ? value / whole : 0);
  const kinds = [
    ["share of the label (recall)", (r, c) => of(counts[r][c], rows[r]), (share) => share],
    ["share of the prediction (precision)", (r, c) => of(counts[r][c], columns[c]), (share) => share],
    ["pixels", (r, c) => counts[r][c], (pixels) => Math.log1p(pixels) / Math.log1p(most)],
  ];
  const cells = counts.map((row, r) => row.map((pixels, c) => {
    const text = `${names[r]} taken for ${names[c]}: ${whole(pixels)} pixels, ${percent(of(pixels, rows[r]))} of ${names[r]}`;
    return h("td", dense && !pixels ? null : { title: text });
  }));
  function draw(kind) {
    const [, value, depth] = kinds[kind];
    cells.forEach((row, r) => row.forEach((cell, c) => {
      const one = value(r, c), shade = Math.sqrt(depth(one)), hue = r === c ? "0, 114, 178" : "213, 94, 0";
      cell.style.background = counts[r][c] ? `rgba(${hue}, ${(0.06 + 0.94 * shade).toFixed(3)})` : "transparent";
      cell.classList.toggle("strong", shade > 0.62);
      if (!dense) cell.textContent = counts[r][c] ? (kind === 2 ? short(one) : one < 0.0005 ? "·" : (100 * one).toFixed(one < 0.0995 ? 1 : 0)) : "";
    }));
  }
  draw(0);
  const head = h("tr", null, h("th", null, h("small", null, "label ↓  prediction →")), names.map((name) => h("th", { scope: "col" }, h("span", null, name))));
  const body = cells.map((row, r) => h("tr", null, h("th", { scope: "row" }, names[r]), row));
  const grid = h("table", { class: dense ? "matrix dense" : names.length > 24 ? "matrix many" : "matrix" }, h("thead", null, head), h("tbody", null, body));
  return [choice("what the cells show", kinds.map(([name]) => name), draw), scroll("confusion matrix", grid)];
}
