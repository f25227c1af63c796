// What the visits of the page share: giving it files, waiting until their results are drawn, and
// reading what a user would see or download.
import { readFile } from "node:fs/promises";

export async function open(page, url) {
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("#limits").textContent.includes("MiB"));
}

/** Wait until so many images are done, and until the layer of the shown one is drawn. */
export async function drawn(page, count) {
  await page.waitForFunction((n) => document.querySelectorAll('[data-state="done"]').length === n, count);
  await page.waitForFunction(() => {
    const layer = document.querySelector("#layer");
    const { data } = layer.getContext("2d").getImageData(0, 0, layer.width, layer.height);
    return data.some((value, index) => index % 4 === 3 && value === 255);
  });
}

/** The pixels of a canvas, as {width, height, data: base64 of R, G, B, alpha}. */
export const pixels = (page, id) =>
  page.evaluate((id) => {
    const canvas = document.getElementById(id);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let text = "";
    for (const value of data) text += String.fromCharCode(value);
    return { width: canvas.width, height: canvas.height, data: btoa(text) };
  }, id);

/** Click a button that downloads: {name, content: base64}. */
export async function download(page, kind) {
  const [got] = await Promise.all([page.waitForEvent("download"), page.click(`[data-kind=${kind}]`)]);
  return { name: got.suggestedFilename(), content: (await readFile(await got.path())).toString("base64") };
}

export const rows = (page) =>
  page.$$eval("#legend tbody tr", (all) =>
    all.map((row) => ({ id: Number(row.dataset.id), off: row.classList.contains("off"), text: row.innerText })));

export const text = (page, selector) => page.locator(selector).innerText();
