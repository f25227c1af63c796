// Takes pictures of parts of a page: {name: [from, to]}, each from one section to another, by number.

export default async (page, { url, parts, width }) => {
  await page.setViewportSize({ width, height: 900 });
  await page.goto(url);
  await page.waitForSelector("h1");
  const boxes = await page.$$eval("main > *", (all) => all.map((one) => { const { top, bottom } = one.getBoundingClientRect(); return [top + scrollY, bottom + scrollY]; }));
  for (const [path, [first, last]] of Object.entries(parts)) {
    const top = Math.max(0, boxes[first][0] - 16);
    const bottom = last === null ? top + 570 : boxes[last][1] + 16;
    await page.screenshot({ path, fullPage: true, clip: { x: 0, y: top, width, height: bottom - top } });
  }
};
