// Opens a report: what its tables say, that its pictures have colours, and that its buttons work.

const cells = (page, label) => page.$$eval(`[aria-label="${label}"] tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

export default async (page, { url, shots }) => {
  await page.goto(url);
  await page.waitForSelector("h1");
  const found = { title: await page.title(), text: await page.innerText("main") };
  found.classes = await cells(page, "classes");
  // The pictures, drawn onto a canvas: how many colours each has.
  found.pictures = await page.$$eval("figure img", (images) => images.map((image) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  }));
  found.bars = await page.$$eval("svg rect.bar", (bars) => bars.filter((bar) => bar.getBoundingClientRect().height > 1).length);
  const matrix = () => page.$$eval(".matrix tbody tr", (rows) => rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)));
  found.shares = await matrix();
  await page.getByRole("group").getByRole("button", { name: "pixels" }).press("Enter");
  found.pixels = await matrix();
  await page.getByRole("button", { name: "IoU", exact: true }).click();
  found.sorted = (await cells(page, "classes")).map((row) => row[1]);
  await page.getByRole("button", { name: "IoU", exact: true }).press("Enter");
  found.reversed = (await cells(page, "classes")).map((row) => row[1]);
  found.wide = [];
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    found.wide.push(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth));
  }
  found.injected = await page.evaluate(() => document.querySelectorAll("main b.evil, main script, img[src^=x]").length + (window.evil || 0));
  return found;
};
