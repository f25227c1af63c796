// Dropped, pasted, several in turn, bad ones among them; removed; without a mouse; on a narrow page.
import { readFile } from "node:fs/promises";
import { drawn, open, pixels, rows, text } from "./page.mjs";

async function give(page, how, path, name, type) {
  const content = (await readFile(path)).toString("base64");
  await page.evaluate(async ({ how, content, name, type }) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    const event = how === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
      : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
    document.body.dispatchEvent(event);
  }, { how, content, name, type });
}

const states = (page) => page.$$eval("#files li", (all) => all.map((one) => [one.dataset.state, one.innerText]));

export default async (page, { url, files }) => {
  const got = {};
  await open(page, url);
  await give(page, "drop", files.jpeg, "photo.jpg", "image/jpeg");
  await drawn(page, 1);
  got.jpeg = await pixels(page, "layer");
  await give(page, "paste", files.tiff, "turned.tiff", "image/tiff");
  await drawn(page, 2);
  got.tiff = await pixels(page, "picture");

  await page.setInputFiles("#choose", [files.broken, files.large, files.png]);
  await page.waitForFunction(() => document.querySelectorAll('[data-state="failed"]').length === 2);
  await page.waitForFunction(() => document.querySelectorAll('[data-state="done"]').length === 3);
  got.states = await states(page);
  got.problem = await text(page, "#problem");
  got.shownWithProblem = await page.locator("#shown").isVisible();
  await page.click("#files li:nth-child(5) .entry");
  await drawn(page, 3);
  got.png = await pixels(page, "picture");
  got.problemGone = !(await page.locator("#problem").isVisible());

  await page.focus("#layer");
  got.keys = [];
  for (const key of ["ArrowRight", "Shift+ArrowDown", "ArrowLeft", "Shift+ArrowUp"]) {
    await page.keyboard.press(key);
    got.keys.push(await text(page, "#probe"));
  }
  got.mark = await page.locator("#mark").isVisible();
  got.reached = [];
  await page.focus("body");
  await page.evaluate(() => document.activeElement.blur());
  for (let count = 0; count < 40; count++) {
    await page.keyboard.press("Tab");
    got.reached.push(await page.evaluate(() => {
      const at = document.activeElement;
      return at.id || at.dataset.kind || at.name || at.className || at.tagName;
    }));
  }
  await page.focus("#legend .name");
  await page.keyboard.press("Space");
  got.keyHidden = (await rows(page))[0].off;

  await page.click("#files li:nth-child(5) .away");
  got.left = (await states(page)).length;

  got.widths = [];
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 844 });
    await page.click("#files li:nth-child(1) .entry");
    await drawn(page, 2);
    await page.hover("#layer", { position: { x: 99, y: 77 } });
    for (const mode of ["confidence", "classes"]) await page.check(`[value=${mode}]`, { force: true });
    got.widths.push([width, await page.evaluate(() => document.documentElement.scrollWidth)]);
  }
  return got;
};
