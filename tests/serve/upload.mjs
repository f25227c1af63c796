// One image by the file button: pixels, hovering, hiding and singling out a class, downloads.
import { download, drawn, open, pixels, rows, text } from "./page.mjs";

export default async (page, { url, file, point }) => {
  const got = {};
  await open(page, url);
  await page.setInputFiles("#choose", file);
  await drawn(page, 1);
  got.picture = await pixels(page, "picture");
  got.layer = await pixels(page, "layer");
  got.opacity = await page.$eval("#layer", (layer) => layer.style.opacity);
  got.rows = await rows(page);
  got.numbers = await text(page, "#numbers");

  const box = await page.locator("#layer").boundingBox();
  await page.mouse.move(box.x + (point[0] + 0.5) * (box.width / got.layer.width), box.y + (point[1] + 0.5) * (box.height / got.layer.height));
  got.probe = await text(page, "#probe");
  got.tip = await text(page, "#tip");
  got.pointed = await page.$eval("tr.pointed", (row) => Number(row.dataset.id));

  got.downloads = {};
  for (const kind of ["ids", "overlay", "confidence"]) got.downloads[kind] = await download(page, kind);

  await page.click(`tr[data-id="${got.rows[0].id}"] .name`);
  got.hidden = await pixels(page, "layer");
  got.hiddenOverlay = await download(page, "overlay");
  await page.click(`tr[data-id="${got.rows[1].id}"] .only`);
  got.single = await pixels(page, "layer");
  got.singleRows = await rows(page);
  await page.click("#all");
  got.all = await pixels(page, "layer");

  await page.check("[value=confidence]");
  got.confidence = await pixels(page, "layer");
  await page.uncheck("#on");
  got.switchedOff = await page.$eval("#layer", (layer) => layer.style.opacity);
  got.alerts = await page.locator("#problem").isVisible();
  got.stray = await page.evaluate(() => window.stray ?? null);
  return got;
};
