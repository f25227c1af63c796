// Opens pages of VisualDL and says what is drawn on them: pages.mjs {url, pages, folder}.
// A page: {route, groups?, kind, least, want?, name?, height?}: `groups` are clicked first; `kind` tells what
// is counted (canvas: pixels that have a colour; images: pictures that are decoded; text: elements
// that hold `want` and nothing else), and the page is waited for until there are `least` of it and
// no more come; `name` is that of the screenshot in `folder`, `height` that of the window.
const COUNT = {
  canvas: () => {
    let count = 0;
    for (const canvas of document.querySelectorAll("canvas")) {
      const context = canvas.getContext("2d");
      if (!context || !canvas.width || !canvas.height) continue;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.slice(i, i + 4);
        if (a > 50 && Math.max(r, g, b) - Math.min(r, g, b) > 50) count += 1;
      }
    }
    return count;
  },
  images: () =>
    [...document.images].filter((image) => image.src.startsWith("blob:") && image.naturalWidth > 30).length,
  text: (want) =>
    [...document.querySelectorAll("body *")].filter((e) => !e.children.length && e.textContent.trim() === want).length,
};

export default async (page, { url, pages, folder }) => {
  const found = [];
  for (const { route, groups, kind, least, want, name, height } of pages) {
    await page.setViewportSize({ width: 1440, height: height ?? 1000 });
    await page.goto(`${url}/app/${route}`, { waitUntil: "domcontentloaded" });
    for (const group of groups ?? []) await page.getByText(group, { exact: true }).first().click();
    const end = Date.now() + 60_000;
    let [before, count] = [-1, 0];
    while ((count < least || count !== before) && Date.now() < end) {
      before = count;
      await page.waitForTimeout(400);
      count = await page.evaluate(COUNT[kind], want);
    }
    await page.evaluate(() => scrollTo(0, 0));
    if (folder && name) await page.screenshot({ path: `${folder}/visualdl_${name}.png` });
    found.push({ route, count, text: await page.evaluate(() => document.body.innerText) });
  }
  return found;
};
