import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { launchBrowser, Visitor } from "../support/browser.ts";
import { createFakeProject, RUN_IDS } from "../support/fake_project.ts";
import { PageServer } from "../support/page_server.ts";

const DESKTOP = { viewport: { width: 1280, height: 860 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

const PAGES = [
  "/",
  "/?show=failing",
  "/?q=nothing+fits+this",
  "/pipelines/flights",
  "/pipelines/crm_sync",
  "/pipelines/board_pack",
  "/pipelines/flights/tables/raw.flights",
  "/pipelines/flights/tables/hourly_weather",
  "/pipelines/a_pipeline_with_a_very_long_name_that_goes_on_and_on_and_on_63",
  "/runs",
  "/runs?state=cancelled",
  "/problems",
  "/problems?state=closed",
  "/logs?search=",
  `/runs/${RUN_IDS.running}`,
  `/runs/${RUN_IDS.failed}`,
  `/runs/${RUN_IDS.succeeded}`,
  `/runs/${RUN_IDS.queued}`,
];

/** A mark that is gone when the page is loaded anew. */
async function markPage(page: Page): Promise<void> {
  await page.evaluate('document.documentElement.setAttribute("data-same-page", "yes")');
}

async function isSamePage(page: Page): Promise<boolean> {
  return await page.evaluate<boolean>('document.documentElement.hasAttribute("data-same-page")');
}

async function overflowOf(page: Page): Promise<number> {
  return await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
}

Deno.test("pages", async (t) => {
  const engine = createFakeProject();
  await using server = await PageServer.start(engine);
  await using browser = await launchBrowser();
  const visit = (options = {}) => Visitor.open(browser, server.url, { ...DESKTOP, ...options });

  await t.step("signing in leads to where the person wanted to go, and out again", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await page.goto("/runs?state=failed");
    equal(new URL(page.url()).pathname, "/login");
    await page.getByLabel("Token").fill("slc_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("That token is not known.").waitFor();
    await page.getByLabel("Token").fill(`  ${server.tokens.admin} `);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/runs?state=failed");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/login");
    await page.goto("/");
    equal(new URL(page.url()).pathname, "/login");
    // The browser itself reports the 401 of the wrong token.
    deepEqual(visitor.complaints.filter((complaint) => !complaint.includes("401")), []);
  });

  await t.step("a phone reaches under More what its bar has no room for", async () => {
    await using visitor = await visit(PHONE);
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    await page.goto("/");
    const menu = page.getByRole("navigation", { name: "Main" });
    equal(await menu.getByRole("link", { name: "Logs" }).isVisible(), false);
    for (const name of ["Logs", "Connectors", "People"]) {
      await menu.getByText("More").click();
      await menu.getByRole("link", { name }).click();
      await page.waitForURL(`**/${name.toLowerCase()}`);
    }
    equal(await menu.locator("summary[data-current]").count(), 1);
    deepEqual(visitor.complaints, []);
  });

  for (const [name, options] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    for (const colorScheme of ["light", "dark"] as const) {
      await t.step(`every page fits a ${name} in ${colorScheme} without a complaint`, async () => {
        await using visitor = await visit({ ...options, colorScheme });
        const { page } = visitor;
        await visitor.enterAs(server.tokens.admin);
        for (const path of PAGES) {
          await page.goto(path);
          ok(await overflowOf(page) <= 0, `${path} scrolls sideways by ${await overflowOf(page)} px`);
          equal(await page.locator("h1").count(), 1, `${path} has one heading`);
          const background = await page.evaluate<string>(
            "getComputedStyle(document.documentElement).backgroundColor",
          );
          const brightness = (background.match(/\d+/g) ?? []).slice(0, 3).reduce(
            (sum, part) => sum + Number(part),
            0,
          );
          equal(brightness < 384, colorScheme === "dark", `${path} is ${background}`);
        }
        deepEqual(visitor.complaints, []);
      });
    }
  }

  await t.step(
    "a run started from the overview is followed to its end without loading the page anew",
    async () => {
      await using visitor = await visit();
      const { page } = visitor;
      await visitor.enterAs(server.tokens.operator);
      await page.goto("/");
      await page.getByRole("button", { name: "Run board_pack now" }).click();
      await page.waitForURL("**/runs/*");
      const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
      equal((await engine.getRun(id)).triggered_by, "operator");
      await page.getByText("Waiting for the first line").waitFor();
      await markPage(page);
      await untilWatched(id);

      engine.move(id, "claim");
      await page.locator(".pill", { hasText: "running" }).waitFor();
      const step = {
        name: "extract:figures",
        kind: "extract" as const,
        state: "running" as const,
        attempt: 1,
        rows: null,
        size_bytes: null,
        started_at: (await engine.getRun(id)).started_at,
        finished_at: null,
        duration_ms: null,
        error: null,
        sql: "SELECT 1",
        depends: [],
      };
      engine.putStep(id, step);
      await page.locator(".row-name", { hasText: "figures" }).waitFor();
      engine.addProgress(id, "extract:figures", 65_536);
      await page.locator("[data-progress]", { hasText: "65,536" }).waitFor();
      const traffic = { requests: 1_204, pages: 1_198, retries: 1, redirects: 0, waited_ms: 3_500 };
      engine.addProgress(id, "extract:figures", 65_536, traffic);
      const told = "1,204 requests, 1,198 pages, 1 retry, waited 3.5 s";
      await page.locator("[data-traffic]", { hasText: told }).waitFor();
      const speed = { size_bytes: 25_000_000, total_bytes: 100_000_000, bytes_per_second: 1_250_000 };
      engine.addProgress(id, "extract:figures", 0, traffic, { ...speed, rows_per_second: 12_345 });
      const fast = "25 % of 100 MB, 12.3 k rows/s, 1.25 MB/s";
      await page.locator("[data-speed]", { hasText: fast }).waitFor();
      for (let line = 1; line <= 30; line += 1) {
        engine.addLog(id, {
          message: `line ${line} \u001b[31m<b>red</b>`,
          step: "figures",
        });
      }
      await page.locator(".log-line", { hasText: "line 30 <b>red</b>" }).waitFor();
      equal(await page.locator(".log-line").count(), 30);

      engine.putStep(id, {
        ...step,
        state: "succeeded",
        rows: 70_000,
        finished_at: step.started_at,
        duration_ms: 12,
      });
      engine.move(id, "succeed", { rows_extracted: 70_000 });
      await page.locator(".pill", { hasText: "succeeded" }).waitFor();
      await page.locator("[data-progress]", { hasText: "70,000" }).waitFor();
      await page.waitForFunction('!document.body.hasAttribute("data-refresh-seconds")');
      equal(await isSamePage(page), true);
      await untilWatched(id, 0);
      deepEqual(visitor.complaints, []);
    },
  );

  await t.step("what the reader has opened stays open while the page follows the run", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    await page.goto(`/runs/${RUN_IDS.running}`);
    await untilWatched(RUN_IDS.running);
    const row = page.locator("details.row", { hasText: "departures" }).first();
    await row.locator("summary").first().click();
    engine.move(RUN_IDS.running, "requeue", { reason: "the server stopped" });
    await page.getByText("the server stopped").waitFor();
    notEqual(await row.getAttribute("open"), null);
    engine.move(RUN_IDS.running, "claim");
    await page.locator(".pill", { hasText: "running" }).waitFor();
  });

  await t.step("a run is cancelled and tried again from its page", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    await page.goto(`/runs/${RUN_IDS.running}`);
    await page.getByRole("button", { name: "Cancel this run" }).click();
    await page.locator(".pill", { hasText: "cancelled" }).waitFor();
    equal((await engine.getRun(RUN_IDS.running)).state, "cancelled");
    await page.getByRole("button", { name: "Retry this run" }).click();
    await page.locator(".pill", { hasText: "queued" }).waitFor();
    equal((await engine.getRun(RUN_IDS.running)).state, "queued");
    engine.move(RUN_IDS.running, "cancel");
    await page.locator(".pill", { hasText: "cancelled" }).waitFor();
    deepEqual(visitor.complaints, []);
  });

  await t.step("an action that comes too late says so on the run's page", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    const { id } = await engine.triggerRun("board_pack", { trigger: "api" });
    await page.goto(`/runs/${id}`);
    // The request waits at the door until the run has been cancelled by somebody else.
    await page.route("**/cancel", (route) => {
      engine.move(id, "cancel");
      return route.continue();
    });
    await page.getByRole("button", { name: "Cancel this run" }).click();
    await page.getByRole("alert").waitFor();
    match(await page.getByRole("alert").innerText(), /it is cancelled/);
  });

  await t.step("the form of a run gives its params, and keeps them where they are refused", async () => {
    await using visitor = await visit(PHONE);
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    await page.goto("/pipelines/flights");
    await page.getByLabel("Run with other settings").click();
    ok(await overflowOf(page) <= 0, "the open form fits the phone");
    await page.getByLabel("region").selectOption("eu");
    await page.getByLabel("threshold").fill("30");
    await page.getByLabel("include_cancelled").selectOption("true");
    await page.getByLabel("Full refresh").check();
    await page.getByRole("textbox", { name: "Steps" }).fill("nothing");
    await page.getByRole("button", { name: "Start run" }).click();
    match(await page.getByRole("alert").innerText(), /no step fits the selection/);
    equal(await page.getByLabel("threshold").inputValue(), "30");
    equal(await page.getByLabel("region").inputValue(), "eu");
    await page.getByRole("textbox", { name: "Steps" }).fill("+daily_delays");
    await page.getByRole("button", { name: "Start run" }).click();
    await page.waitForURL("**/runs/*");
    const run = await engine.getRun(new URL(page.url()).pathname.split("/").at(-1) ?? "");
    deepEqual(run.params, { region: "eu", since: "2013-01-01", threshold: 30, include_cancelled: true });
    deepEqual([run.full_refresh, run.select, run.trigger], [true, "+daily_delays", "page"]);
    engine.move(run.id, "cancel");
  });

  await t.step("a schedule is paused and resumed", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.operator);
    await page.goto("/pipelines/orders");
    await page.getByRole("button", { name: "Pause schedule" }).click();
    await page.getByRole("button", { name: "Resume schedule" }).click();
    await page.getByRole("button", { name: "Pause schedule" }).waitFor();
    equal((await engine.getPipeline("orders")).paused, false);
    deepEqual(visitor.complaints, []);
  });

  await t.step("a node of the graph opens its step's SQL", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.viewer);
    await page.goto("/pipelines/flights");
    const sql = page.locator("details.row", { hasText: "hourly_weather" }).first().locator(".code");
    equal(await sql.isVisible(), false);
    await page.locator("a.node", { hasText: "hourly_weather" }).click();
    await sql.waitFor({ state: "visible" });
    match(await sql.innerText(), /SELECT \*/);
  });

  await t.step("the graph is made larger and dragged, and shows what a step is connected with", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.viewer);
    await page.goto("/pipelines/flights");
    const graph = page.locator("svg.graph");
    const widthOf = async () => Math.round((await graph.boundingBox())?.width ?? 0);
    const fitted = await widthOf();
    const card = await page.locator("#graph").boundingBox();
    ok(fitted <= (card?.width ?? 0), "it is not cut");
    await page.getByRole("button", { name: "Make the graph larger" }).click();
    await page.getByRole("button", { name: "Make the graph larger" }).click();
    const larger = await widthOf();
    ok(larger > fitted * 1.2, `${larger} is larger than ${fitted}`);
    ok(await overflowOf(page) <= 0, "the page itself does not grow");
    const scroll = page.locator("#graph .scroll");
    await scroll.scrollIntoViewIfNeeded();
    const { x = 0, y = 0 } = await scroll.boundingBox() ?? {};
    await page.mouse.move(x + 500, y + 12);
    await page.mouse.down();
    await page.mouse.move(x + 300, y + 12, { steps: 4 });
    await page.mouse.up();
    const left = await page.evaluate<number>('document.querySelector("#graph .scroll").scrollLeft');
    ok(left > 50, `it is dragged to ${left}`);
    await page.getByRole("button", { name: "Fit the whole graph" }).click();
    equal(await widthOf(), fitted);

    await page.locator("a.node", { hasText: "hourly_weather" }).focus();
    const near = () =>
      page.evaluate<string[]>('[...document.querySelectorAll("a.node.near")].map((a) => a.dataset.step)');
    deepEqual(await near(), ["extract:weather", "model:hourly_weather", "model:departures_with_weather"]);
    equal(await page.locator("path.edge.near").count(), 2);
    await page.locator("a.node", { hasText: "airlines" }).hover();
    ok((await near()).includes("model:carrier_ranking"));
    deepEqual(visitor.complaints, []);
  });

  await t.step("without a script the graph is an image that scrolls, with whole names", async () => {
    await using visitor = await visit({ ...PHONE, javaScriptEnabled: false });
    const { page } = visitor;
    await visitor.enterAs(server.tokens.viewer);
    for (const path of ["/pipelines/flights", `/runs/${RUN_IDS.succeeded}`]) {
      await page.goto(path);
      equal(await page.locator(".graph-tools").count(), 0);
      const names = await page.locator(".node-name").allTextContents();
      ok(names.includes("carrier_ranking→reporting"), names.join());
      ok(await overflowOf(page) <= 0, path);
    }
  });

  await t.step("a viewer sees no button that acts, and may not act", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.viewer);
    for (const path of ["/", "/pipelines/flights", `/runs/${RUN_IDS.failed}`]) {
      await page.goto(path);
      equal(await page.locator("main form[method=post]").count(), 0, path);
    }
    const response = await page.request.post(`${server.url}/runs/${RUN_IDS.failed}/retry`, {
      headers: { origin: server.url },
    });
    equal(response.status(), 403);
    match(
      await response.text(),
      /may not start, retry or repeat runs: that takes the role admin, engineer or operator/,
    );
    equal((await engine.getRun(RUN_IDS.failed)).state, "failed");
  });

  await t.step("another site's page cannot act", async () => {
    await using visitor = await visit();
    await visitor.enterAs(server.tokens.admin);
    const response = await visitor.page.request.post(`${server.url}/runs/${RUN_IDS.failed}/retry`, {
      headers: { origin: "https://elsewhere.example" },
    });
    equal(response.status(), 403);
    equal((await engine.getRun(RUN_IDS.failed)).state, "failed");
  });

  await t.step("debug lines are shown when asked for", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.viewer);
    await page.goto(`/runs/${RUN_IDS.failed}`);
    const debug = page.locator(".level-debug").last();
    equal(await debug.isVisible(), false);
    await page.getByLabel("Debug lines").check();
    equal(await debug.isVisible(), true);
  });

  await t.step("times show the reader's own zone on hover", async () => {
    await using visitor = await visit({ timezoneId: "Asia/Tokyo", locale: "en-GB" });
    const { page } = visitor;
    await visitor.enterAs(server.tokens.viewer);
    await page.goto(`/runs/${RUN_IDS.succeeded}`);
    const started = page.locator(".facts time").first();
    const utc = await started.getAttribute("title");
    await started.hover();
    const both = await started.getAttribute("title") ?? "";
    notEqual(both, utc);
    match(both, /09:20:48 UTC\n.*18:20:48/s);
  });

  await t.step("the keyboard reaches the content first, and closes the form of a run", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    await page.goto("/pipelines/flights");
    await page.keyboard.press("Tab");
    equal(await page.evaluate<string>("document.activeElement.textContent"), "Skip to content");
    await page.getByLabel("Run with other settings").press("Enter");
    await page.getByRole("button", { name: "Start run" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Start run" }).waitFor({ state: "hidden" });
  });

  await t.step("without a script the page shows, acts and loads itself anew", async () => {
    await using visitor = await visit({ javaScriptEnabled: false });
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    await page.goto(`/runs/${RUN_IDS.queued}`);
    match(await page.content(), /<noscript>\s*<meta http-equiv="refresh" content="3"/);
    await page.getByRole("button", { name: "Cancel this run" }).click();
    await page.locator(".pill", { hasText: "cancelled" }).waitFor();
    equal((await engine.getRun(RUN_IDS.queued)).state, "cancelled");
  });

  await t.step("an unknown address has a page of its own", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await visitor.enterAs(server.tokens.admin);
    for (const path of ["/nowhere", "/runs/unknown", "/pipelines/unknown"]) {
      equal((await page.goto(path))?.status(), 404, path);
      equal(await page.getByRole("heading", { level: 1 }).innerText(), "Nothing here");
    }
  });

  async function untilWatched(id: string, watchers = 1): Promise<void> {
    const deadlineMs = Date.now() + 10_000;
    while (engine.watchers(id) !== watchers) {
      ok(Date.now() < deadlineMs, `run ${id} has ${engine.watchers(id)} watchers, expected ${watchers}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
});
