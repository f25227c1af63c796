// Opens a comparison: its table, and where the circles of its charts are.

export default async (page, { url }) => {
  await page.goto(url);
  await page.waitForSelector("h1");
  const rows = await page.$$eval('[aria-label="differences"] tbody tr', (all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));
  const place = (name) => page.$$eval(name, (all) => all.map((one) => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.width]; }));
  return { rows, text: await page.innerText("main"), middle: (await place("svg.wide .rule"))[0], up: await place("svg.wide circle.up"),
    flat: await place("svg.wide circle.flat"), points: (await place("svg circle.dot")).length };
};
