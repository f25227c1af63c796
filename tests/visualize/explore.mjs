// Visits the attention explorer. Each of `steps` is something a reader does; after each, what the
// page then shows is read off its canvases and texts.
const read = () => {
  const shown = (id) => document.getElementById(id).innerText;
  const canvases = [...document.querySelectorAll("#grids canvas")];
  return {
    grids: canvases.map((canvas) => {
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      return Array.from({ length: width * height }, (_, i) => [...data.slice(4 * i, 4 * i + 3)]);
    }),
    framed: [...document.querySelectorAll("#grids figure")]
      .findIndex((figure) => !figure.querySelector(".box").hidden),
    captions: [...document.querySelectorAll("figcaption")].map((node) => node.textContent),
    strongest: [...document.querySelectorAll("#strongest tr")]
      .map((row) => [...row.cells].map((cell) => cell.textContent)),
    readout: shown("readout"), about: shown("about"), cell: shown("cell"), file: shown("file"),
    pins: [...document.querySelectorAll("#pins li")].map((pin) => pin.innerText.replace(/\s+/g, " ")),
    blocks: [...document.querySelectorAll("#blocks button")].map((button) => button.textContent),
    ticks: [...document.querySelectorAll("#ticks span")].map((tick) => tick.innerText),
    predicted: document.getElementById("prediction").hidden ? null : [
      ...document.getElementById("prediction").getContext("2d").getImageData(0, 0, 1, 1).data],
    scripts: document.querySelectorAll("script, b.evil, img[src='no.png']").length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    helped: document.querySelector("footer").innerText,
  };
};

/** The brightness of the screen's pixels in the middle of each cell of the last grid. */
async function seen(page) {
  const figure = page.locator("#grids figure").last().locator(".stage");
  const shot = (await figure.screenshot()).toString("base64");
  const size = await page.evaluate(() => document.querySelectorAll("#grids canvas")[
    document.querySelectorAll("#grids canvas").length - 1].width);
  return page.evaluate(async ([shot, size]) => {
    const image = await createImageBitmap(
      new Blob([Uint8Array.from(atob(shot), (c) => c.charCodeAt(0))], { type: "image/png" }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return Array.from({ length: size * size }, (_, i) => {
      const x = ((i % size) + 0.5) / size, y = (Math.floor(i / size) + 0.5) / size;
      const pixel = context.getImageData(Math.floor(x * image.width), Math.floor(y * image.height), 1, 1);
      return pixel.data[0] + pixel.data[1] + pixel.data[2];
    });
  }, [shot, size]);
}

export default async (page, { url, steps, viewport, touch }) => {
  if (touch) {
    const context = await page.context().browser().newContext({
      viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    page = await context.newPage();
  }
  if (viewport) await page.setViewportSize(viewport);
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById("picture").complete);
  const results = [await page.evaluate(read)];
  for (const [what, ...values] of steps) {
    const box = await page.locator("#stage").boundingBox();
    const at = ([u, v]) => [box.x + u * box.width, box.y + v * box.height];
    if (what === "move") await page.mouse.move(...at(values));
    if (what === "click") await page.mouse.click(...at(values));
    if (what === "tap") await page.touchscreen.tap(...at(values));
    if (what === "key") for (const key of values) await page.keyboard.press(key);
    if (what === "press") await page.locator(values[0]).click();
    if (what === "hover") await page.locator(values[0]).hover({ position: { x: values[1], y: values[2] } });
    if (what === "focus") await page.locator(values[0]).focus();
    const result = await page.evaluate(read);
    if (what === "look") result.seen = await seen(page);
    results.push(result);
  }
  return results;
};
