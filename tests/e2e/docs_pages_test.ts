import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { renderSite } from "../../ui/docs/render_site.tsx";
import { launchBrowser } from "../support/browser.ts";
import { DOCS_SAMPLE } from "../support/docs_sample.ts";

Deno.test("static docs open from a disk, are searched there, and run nothing that was written in them", async () => {
  await using cleanUp = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "sluice-docs-" });
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  for await (const { path, text } of renderSite(DOCS_SAMPLE)) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.writeTextFile(join(folder, path), text);
  }
  const browser = cleanUp.use(await launchBrowser());
  const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(pathToFileURL(folder).href)) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(join(folder, "index.html")).href);
  await page.getByRole("link", { name: "shop", exact: true }).click();
  ok((await page.locator("svg.lineage .lineage-box").count()) === 5);
  const search = page.getByLabel("Search");
  await search.fill("ODD id");
  await page.locator("#search-results a").first().waitFor();
  const found = await page.locator("#search-results a").allInnerTexts();
  deepStrictEqual(found.map((text) => text.trim()), [
    `odd "id" <b>#?% macro`,
    `odd "id" <b>#?% column of shop raw.orders`,
    `odd "id" <b>#?% column of shop Daily`,
  ]);
  await search.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Daily" }).waitFor();
  strictEqual(await page.locator("tr:target th").innerText(), `odd "id" <b>#?%pii`);
  strictEqual(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
  await page.getByLabel("Search").fill("nothing-like-it");
  await page.getByText("Nothing has this").waitFor();
  deepStrictEqual(complaints, []);
});
