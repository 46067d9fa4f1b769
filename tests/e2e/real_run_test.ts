import { deepEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchBrowser, Visitor } from "../support/browser.ts";
import { copy } from "../support/copy_folder.ts";
import { SluiceServer, TOKEN } from "../support/sluice_server.ts";

const QUICKSTART = fileURLToPath(new URL("../../examples/quickstart", import.meta.url));

Deno.test({
  name: "a person signs in, runs the quickstart, watches it end and looks at what it did",
  // The driver keeps its own pipes to the browser.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-e2e-" });
    try {
      const projectDir = join(folder, "project");
      await copy(QUICKSTART, projectDir, (name) => name !== "out" && name !== ".sluice");
      await using server = await SluiceServer.start(projectDir, join(folder, "data"));
      await using browser = await launchBrowser();
      await using visitor = await Visitor.open(browser, server.url);
      const { page } = visitor;

      await page.goto("/");
      await page.getByLabel(/token/i).fill(TOKEN);
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "quickstart", exact: true }).click();
      await page.getByRole("button", { name: /run now/i }).click();
      await page.waitForURL(/\/runs\/[0-9A-Z]{26}/);
      await page.locator(".pill", { hasText: "succeeded" }).first().waitFor({ timeout: 60_000 });

      const text = await page.locator("main").innerText();
      for (const step of ["flights", "stg_flights", "daily_delays", "carrier_ranking→report"]) {
        ok(text.includes(step), `${step} is on the page`);
      }
      match(text, /1952 of 12208 rows/);
      match(text, /12,208/);
      await page.getByRole("link", { name: "quickstart" }).first().click();
      await page.locator("svg").first().waitFor();
      ok((await page.locator("main").innerText()).includes("every 5 min"));
      deepEqual(visitor.complaints, []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
