// The page of a comparison.

const { comparison } = JSON.parse(document.getElementById("data").textContent);
const { a, b, rows, bootstrap, images } = comparison;
const level = `${Math.round(100 * bootstrap.level)} % interval`;

const between = (pair) => (pair[0] === null ? "–" : `${signed(pair[0])} to ${signed(pair[1])}`);

const header = [h("h1", null, "Comparison of two models"),
  h("p", { class: "soft" }, h("b", null, "A "), h("code", null, a.model), ` · ${a.how}`),
  h("p", { class: "soft" }, h("b", null, "B "), h("code", null, b.model), ` · ${b.how}`),
  h("p", { class: "soft" }, `${b.data}, ${whole(images)} images; the same resamples of them for both (${whole(bootstrap.resamples)}, seed ${bootstrap.seed}).`)];

const headline = (row) => card(`${row.name}, B − A`, signed(row.difference), `${row.a === null ? "" : `${score(row.a)} → ${score(row.b)} · `}${between(row.interval)}`);
const cards = h("div", { class: "cards" }, rows.slice(0, 3).map(headline),
  card("images better in B", `${whole(comparison.better)} of ${whole(images)}`, `${whole(comparison.worse)} worse`));

const mark = (row) => (row.even_of_many ? "** even among all" : row.excludes_zero ? "* excludes 0" : "");
const columns = [
  { title: "score", text: true, value: (row) => row.name },
  { title: "A", value: (row) => row.a, show: (row) => score(row.a) },
  { title: "B", value: (row) => row.b, show: (row) => score(row.b) },
  { title: "B − A", value: (row) => row.difference, show: (row) => signed(row.difference) },
  { title: level, value: (row) => row.interval[0], show: (row) => between(row.interval) },
  { title: "", text: true, value: mark },
];

const moved = (title, points) => section(title, null, table(title, [
  { title: "image", text: true, value: (point) => point[0] },
  { title: "A", value: (point) => point[1], show: (point) => score(point[1]) },
  { title: "B", value: (point) => point[2], show: (point) => score(point[2]) },
  { title: "B − A", value: (point) => point[2] - point[1], show: (point) => signed(point[2] - point[1]) },
], points));

document.getElementById("page").replaceChildren(...header, cards,
  section("Differences", `B minus A; totals first, then the IoU of each class. Coloured: the ${level} excludes 0.`,
    scroll("differences as a chart", differences(rows)), table("differences", columns, rows),
    comparison.warnings.map((text) => h("p", { class: "note soft" }, text))),
  h("div", { class: "columns" },
    section("Image by image", "Mean IoU over the classes of an image's label; above the line B is better.", scatter(comparison.points)),
    h("div", null, moved("Gained most", comparison.gained), moved("Lost most", comparison.lost))));
