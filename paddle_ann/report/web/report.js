// The page of an evaluation.

const { report, pictures, ramp: stops } = JSON.parse(document.getElementById("data").textContent);
const { source, classes, calibration, images, intervals, bootstrap } = report;
const level = `${Math.round(100 * bootstrap.level)} % interval`;
const colors = new Map(classes.map(({ name, color }) => [name, color]));
const named = (name) => h("span", null, swatch(colors.get(name)), name);

function header() {
  const facts = [["model", source.model], ["configuration", source.config], ["data", source.data], ["how", source.how], ["made", source.made]];
  return [h("h1", null, "Evaluation report"), h("dl", { class: "facts" }, facts.filter(([, value]) => value).map(([name, value]) =>
    [h("dt", null, name), h("dd", null, h("code", null, value))]))];
}

function cards() {
  const within = (pair) => (pair ? `${Math.round(100 * bootstrap.level)} %: ${range(pair)}` : "no interval: one image");
  return h("div", { class: "cards" },
    card("mIoU", score(report.mIoU), within(intervals.mIoU)),
    card("pixel accuracy", score(report.accuracy), within(intervals.accuracy)),
    card("boundary IoU", score(report.boundary_iou), within(intervals.boundary_iou)),
    card("kappa", score(report.kappa), `Dice ${score(report.dice)}`),
    card("calibration error (ECE)", percent(calibration.ece), `confidence ${percent(calibration.confidence)}, accuracy ${percent(calibration.accuracy)}`),
    card("images", whole(report.num_images), images.without_labels ? `${whole(images.without_labels)} without a labelled pixel` : `${whole(report.confusion.flat().reduce((a, b) => a + b, 0))} pixels`));
}

function classTable() {
  const total = classes.reduce((sum, one) => sum + one.label_pixels, 0);
  const plain = (title, name, text) => ({ title, hint: text, value: (row) => row[name], show: (row) => score(row[name]) });
  const columns = [
    { title: "class", text: true, value: (row) => row.name, show: (row) => named(row.name) },
    plain("IoU", "iou", "intersection over union"),
    { title: level, value: (row) => row.iou, show: (row) => [bar(row.iou, row.iou_interval), h("span", { class: "soft" }, ` ${range(row.iou_interval)}`)] },
    plain("recall", "recall", "share of the label's pixels that are found: the accuracy of the class"),
    plain("precision", "precision", "share of the predicted pixels that are right"),
    plain("Dice", "dice", "harmonic mean of recall and precision"),
    plain("boundary IoU", "boundary_iou", "IoU of the pixels near contours"),
    { title: "labelled pixels", value: (row) => row.label_pixels, show: (row) => `${whole(row.label_pixels)} (${percent(row.label_pixels / total)})` },
    { title: "predicted", value: (row) => row.predicted_pixels, show: (row) => whole(row.predicted_pixels) },
    { title: "images", value: (row) => row.images, show: (row) => whole(row.images) },
  ];
  return section("Classes", "A heading sorts. Intervals: how far the IoU moves with other images of the same kind.", table("classes", columns, classes));
}

function confusions() {
  const columns = [
    { title: "label", text: true, value: (row) => row.label, show: (row) => named(row.label) },
    { title: "taken for", text: true, value: (row) => row.prediction, show: (row) => named(row.prediction) },
    { title: "pixels", value: (row) => row.pixels, show: (row) => whole(row.pixels) },
    { title: "of the label", value: (row) => row.share, show: (row) => percent(row.share) },
    { title: "of all errors", value: (row) => row.errors, show: (row) => percent(row.errors) },
  ];
  return [
    section("Confusion matrix", "Rows are labels, columns predictions; per cent of the row, unless chosen otherwise.", matrix(classes.map((one) => one.name), report.confusion)),
    section("Most confused pairs", "Off the diagonal, by pixels.", table("confused pairs", columns, report.confused)),
  ];
}

function calibrationSection() {
  const over = calibration.confidence - calibration.accuracy;
  const verdict = Math.abs(over) < 0.005 ? "On the whole neither too sure nor too unsure." : over > 0
    ? `On the whole too sure, by ${percent(over)}.` : `On the whole less sure than it could be, by ${percent(-over)}.`;
  return section("Calibration", `${verdict} ECE ${percent(calibration.ece, 2)}; the largest gap of a bin is ${percent(calibration.mce)}. Orange: what is missing to the confidence of a bin; pale: accuracy beyond it.`,
    reliability(calibration.bins), shares(calibration.bins));
}

function spreadSection() {
  const q = images.quantiles, row = (name, value) => h("tr", null, h("td", null, name), h("td", { class: "number" }, score(value)));
  const names = [["worst", "0"], ["5 % are below", "5"], ["a quarter is below", "25"], ["median", "50"], ["a quarter is above", "75"], ["5 % are above", "95"], ["best", "100"]];
  return section("From image to image", "Mean IoU of each image over the classes of its label. Orange: the median; shaded: 90 % of the images.",
    histogram(images.histogram, images),
    h("table", { class: "data" }, h("tbody", null, names.map(([name, key]) => row(name, q[key])), row("mean", images.mean), row("standard deviation", images.deviation))));
}

function worstImages() {
  if (!report.worst.length) return null;
  const titles = { image: "image", label: "label", prediction: "prediction", error: "errors", confidence: "confidence" };
  const entry = (one, index) => {
    const pair = one.confused;
    const said = pair ? [" · most confused: ", named(pair.label), " → ", named(pair.prediction), ` (${whole(pair.pixels)} pixels, ${percent(pair.share, 0)} of the label's)`] : " · no error";
    const figures = Object.entries(titles).map(([name, title]) => h("figure", null,
      h("img", { src: pictures[index][name], alt: `${title} of ${one.image}`, loading: "eager" }), h("figcaption", null, title)));
    return h("article", { class: "image" }, h("h3", null, `${index + 1}. ${one.image}`),
      h("p", { class: "soft" }, `mean IoU ${score(one.miou)} · accuracy ${score(one.accuracy)}`, said), h("div", { class: "panels" }, figures));
  };
  const ramp = h("span", null, "confidence 0", h("span", { class: "ramp", style: `background:linear-gradient(90deg, ${stops.join(", ")})` }), "1");
  const keys = [["#e61e1e", "wrong"], ["#3f3f3f", "ignored (dark)"], ["#e0e0e0", "ignored (in the label)"]];
  return section("Worst images", `The ${report.worst.length} with the lowest mean IoU.`,
    h("div", { class: "legend" }, classes.map((one) => named(one.name))),
    h("div", { class: "legend" }, keys.map(([color, name]) => h("span", null, swatch(color), name)), ramp), report.worst.map(entry));
}

function explanations() {
  const items = [
    ["mIoU, accuracy, kappa, IoU, recall, precision, Dice", `From one confusion matrix over all pixels, as tools/val.py prints them. Classes in neither labels nor predictions count by the policy '${report.absent_classes}'.`],
    ["Intervals", bootstrap.resamples ? `Percentile bootstrap, ${whole(bootstrap.resamples)} resamples of the images, seed ${bootstrap.seed}. They say what other images of the same kind would do to the score, not what another training would. Images count as independent: of frames of one video, which are not, they are too narrow.` : "None: they need more than one image."],
    ["Boundary IoU", `Cheng et al., CVPR 2021: the IoU of pixels within ${percent(report.boundary_ratio)} of the image's diagonal of the contours of label and prediction, added up over the images. Ignored pixels are no contour.`],
    ["Calibration", `Guo et al., ICML 2017: ${calibration.bins.length} bins of equal width by the probability of the chosen class, over all labelled pixels.`],
    ["Mean IoU of an image", "Over the classes of its label, so that a stray pixel of another class does not cost the IoU of a class."],
  ];
  return h("section", null, h("details", null, h("summary", null, "How it was measured"), h("dl", null, items.map(([name, text]) => [h("dt", null, name), h("dd", null, text)]))));
}

document.getElementById("page").replaceChildren(...[header(), cards(), classTable(), confusions(),
  h("div", { class: "columns" }, calibrationSection(), spreadSection()), worstImages(), explanations()].flat().filter(Boolean));
