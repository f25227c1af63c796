// The page with one image, pointed at, for the documentation.
import { drawn, open } from "./page.mjs";

export default async (page, { url, file, picture, dark = false, width = 1200, height = 800 }) => {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
  await open(page, url);
  await page.setInputFiles("#choose", file);
  await drawn(page, 1);
  const box = await page.locator("#layer").boundingBox();
  await page.mouse.move(box.x + box.width * 0.74, box.y + box.height * 0.67);
  await page.screenshot({ path: picture, fullPage: true });
};
