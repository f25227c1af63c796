// Opens Chromium without a window and runs one visit: node visit.mjs CHROMIUM VISIT.mjs ARGUMENTS.
// VISIT.mjs exports `async (page, arguments) => result`; the answer on stdout is {result, faults},
// as JSON. A fault is whatever a user would see in the developer tools: an error of a script, a
// request that failed or left this machine, an answer of 400 or more.
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, visitPath, argumentsText] = process.argv.slice(2);
const { default: visit } = await import(pathToFileURL(visitPath));
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
});
try {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 1000 },
    locale: "en-US",
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("requestfailed", (request) => faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on("response", (answer) => answer.status() >= 400 && faults.push(`${answer.status()}: ${answer.url()}`));
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") faults.push(`foreign: ${request.url()}`);
  });
  const result = await visit(page, JSON.parse(argumentsText));
  process.stdout.write(JSON.stringify({ result: result ?? null, faults }));
} finally {
  await browser.close();
}
