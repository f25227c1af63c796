// Opens an explorer's page, chooses the block, and takes a picture of what a reader sees.
export default async (page, { url, output, width, height, keys }) => {
  await page.setViewportSize({ width, height });
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById("picture").complete);
  for (const key of keys) await page.keyboard.press(key);
  await page.screenshot({ path: output });
};
