import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import type { PipelineDetail, PipelineSummary, Run } from "../../../contract/run.ts";
import type { ApplyResult } from "../../../contract/run.ts";
import type { Problem } from "../../../server/http/problem.ts";
import { ENDLESS, ONE_THREAD, Served, until } from "../../support/served_project.ts";

/** How definitions come into force, from files and over the API, and what starts by itself. */

const PIPELINE = "extract: { orders: { connector: files, path: data/orders.csv } }\n";
const FILES = {
  "data/orders.csv": "id,amount\n1,10\n2,20\n",
  "pipelines/shop.yaml": PIPELINE,
  "transforms/shop/totals.sql": "SELECT sum(amount)::BIGINT AS amount FROM raw.orders\n",
};

const pipeline = (shop: Served, name: string): Promise<PipelineDetail> =>
  shop.server.call("GET", `/api/pipelines/${name}`);

/** Asks until the pipeline looks as expected. */
async function untilPipeline(
  shop: Served,
  name: string,
  what: string,
  isRight: (found: PipelineDetail) => boolean,
): Promise<PipelineDetail> {
  let found = await pipeline(shop, name);
  await until(what, async () => {
    found = await pipeline(shop, name);
    return isRight(found);
  });
  return found;
}

async function status(shop: Served, method: string, path: string): Promise<number> {
  const response = await shop.server.request(method, path);
  await response.body?.cancel();
  return response.status;
}

Deno.test("a changed model is applied by itself; a broken one keeps the old revision in force and shows its faults until it is mended", async () => {
  await using shop = await Served.start(FILES);
  const first = await pipeline(shop, "shop");
  deepEqual(first.faults, []);
  equal(first.origin, "files");
  deepEqual(first.steps.map(({ name }) => name), ["extract:orders", "model:totals"]);
  const oldRun = await shop.succeed("shop");
  equal(oldRun.revision, first.revision);

  await shop.project.write({
    "transforms/shop/totals.sql": "SELECT max(amount)::BIGINT AS amount FROM raw.orders\n",
  });
  const second = await untilPipeline(
    shop,
    "shop",
    "the changed model is applied",
    ({ revision }) => revision !== first.revision,
  );
  match(second.files[0]?.content ?? "", /max\(amount\)/);
  await shop.succeed("shop");
  deepEqual(await shop.warehouse("shop", "SELECT amount FROM totals"), [["20"]]);

  await shop.project.write({
    "transforms/shop/totals.sql": "SELECT\n  min(amuont) AS amount FROM raw.orders\n",
  });
  const broken = await untilPipeline(shop, "shop", "the fault is shown", ({ faults }) => faults.length > 0);
  equal(broken.revision, second.revision, "the last good revision stays in force");
  match(broken.files[0]?.content ?? "", /max\(amount\)/);
  deepEqual(broken.faults.map(({ file, line, column, severity }) => ({ file, line, column, severity })), [
    { file: "transforms/shop/totals.sql", line: 2, column: 7, severity: "error" },
  ]);
  match(broken.faults[0]?.message ?? "", /amuont/);
  equal((await shop.succeed("shop")).revision, second.revision);

  await shop.project.write({ "pipelines/shop.yaml": `${PIPELINE}schedule: { corn: "* * * * *" }\n` });
  await untilPipeline(
    shop,
    "shop",
    "the fault in the YAML is shown",
    ({ faults }) => faults.some(({ file, line }) => file === "pipelines/shop.yaml" && line === 2),
  );

  await shop.project.write({
    "pipelines/shop.yaml": PIPELINE,
    "transforms/shop/totals.sql": "SELECT min(amount)::BIGINT AS amount FROM raw.orders\n",
  });
  const mended = await untilPipeline(
    shop,
    "shop",
    "the mended model is applied",
    ({ faults, files }) => faults.length === 0 && /min\(/.test(files[0]?.content ?? ""),
  );
  notEqual(mended.revision, second.revision);
  await shop.succeed("shop");
  deepEqual(await shop.warehouse("shop", "SELECT amount FROM totals"), [["10"]]);

  // Back to what it was: the same content is the same revision.
  await shop.project.write(FILES);
  const back = await untilPipeline(
    shop,
    "shop",
    "the first content is applied again",
    ({ revision }) => revision === first.revision,
  );
  deepEqual(back.faults, []);
  equal((await shop.server.run(oldRun.id)).revision, first.revision);
});

Deno.test("a removed file removes its pipeline and keeps its runs; a new file brings one in", async () => {
  await using shop = await Served.start(FILES);
  const run = await shop.succeed("shop");
  await Deno.remove(join(shop.project.projectDir, "pipelines", "shop.yaml"));
  await until("the pipeline is gone", async () => await status(shop, "GET", "/api/pipelines/shop") === 404);
  equal(await status(shop, "POST", "/api/pipelines/shop/runs"), 404);
  deepEqual((await shop.runs("shop")).map(({ id }) => id), [run.id]);
  equal((await shop.server.run(run.id)).steps.length, 2);

  await shop.project.write({
    "pipelines/other.yaml": PIPELINE,
    "transforms/other/n.sql": "SELECT count(*) AS n FROM raw.orders\n",
  });
  await until(
    "the new pipeline is there",
    async () => await status(shop, "GET", "/api/pipelines/other") === 200,
  );
  await shop.succeed("other");

  await shop.project.write({ "pipelines/shop.yaml": PIPELINE });
  await until("the pipeline is back", async () => await status(shop, "GET", "/api/pipelines/shop") === 200);
  equal((await pipeline(shop, "shop")).last_run?.id, run.id);
  equal((await shop.succeed("shop")).window_start, run.window_end);
});

Deno.test("one broken pipeline does not keep the others of its project from running", async () => {
  await using shop = await Served.start({
    ...FILES,
    "pipelines/broken.yaml": "extract: { orders: { connector: nowhere, path: x } }\n",
    "pipelines/odd.yaml": "extract: [\n",
  });
  await shop.succeed("shop");
  for (const name of ["broken", "odd"]) {
    const found = await pipeline(shop, name);
    equal(found.revision, null);
    ok(found.faults.length > 0);
    const problem = await shop.server.call<Problem>("POST", `/api/pipelines/${name}/runs`, {}, [400]);
    match(problem.detail, /has faults/);
    equal(problem.faults?.[0]?.file, `pipelines/${name}.yaml`);
  }
  const result = await shop.server.call<ApplyResult>("POST", "/api/apply");
  deepEqual(result.unchanged, ["shop"]);
  deepEqual(result.applied, []);
  ok(result.faults.length >= 2);
});

Deno.test("PUT puts a definition with its models in force, and refuses a wrong one without touching the old; DELETE keeps the runs", async () => {
  await using shop = await Served.start(FILES);
  const definition = {
    extract: { orders: { connector: "files", path: "data/orders.csv" } },
    load: { n: { connector: "lite", table: "n" } },
  };
  const put = (body: unknown, wanted = [200]) =>
    shop.server.call<PipelineDetail & Problem>("PUT", "/api/pipelines/made", body, wanted);
  const made = await put({ definition, models: { "n.sql": "SELECT count(*) AS n FROM raw.orders\n" } });
  equal(made.origin, "api");
  deepEqual(made.steps.map(({ name }) => name), ["extract:orders", "model:n", "load:n→lite"]);
  equal((await shop.succeed("made")).revision, made.revision);

  const wrong = await put({ definition, models: { "n.sql": "SELECT\n nothing FROM raw.orders\n" } }, [400]);
  equal(wrong.code, "invalid");
  deepEqual(wrong.faults?.map(({ line, column }) => ({ line, column })), [{ line: 2, column: 2 }]);
  const odd = await put({ definition: "load: [", models: {} }, [400]);
  ok((odd.faults?.length ?? 0) > 0);
  await put({ definition, models: { "../n.sql": "SELECT 1 AS n\n" } }, [400]);
  equal((await pipeline(shop, "made")).revision, made.revision);

  const yaml = await put({
    definition: "# by hand\nload: { n: { connector: lite, table: n } }\n",
    models: { "n.sql": "SELECT 7 AS n\n" },
  });
  notEqual(yaml.revision, made.revision);
  const run = await shop.succeed("made");
  equal(run.rows_loaded, 1);
  // Files changed meanwhile leave what came over the API alone.
  await shop.server.call("POST", "/api/apply");
  equal((await pipeline(shop, "made")).revision, yaml.revision);

  const fromFiles = await shop.server.call<Problem>("PUT", "/api/pipelines/shop", {
    definition: {},
    models: {},
  }, [409]);
  match(fromFiles.detail, /comes from the project's files.*pipelines\/shop\.yaml/);
  const undeletable = await shop.server.call<Problem>("DELETE", "/api/pipelines/shop", undefined, [409]);
  match(undeletable.detail, /comes from the project's files/);
  equal(await status(shop, "DELETE", "/api/pipelines/made"), 204);
  equal(await status(shop, "GET", "/api/pipelines/made"), 404);
  equal(await status(shop, "DELETE", "/api/pipelines/made"), 404);
  equal((await shop.runs("made")).length, 2);
  equal((await shop.server.run(run.id)).state, "succeeded");
});

Deno.test("a pipeline with a run under way is not deleted", async () => {
  await using shop = await Served.start({});
  await shop.server.call("PUT", "/api/pipelines/made", {
    definition: { resources: { threads: 1 } },
    models: { "slow.sql": ENDLESS },
  });
  const { id } = await shop.server.trigger("made");
  await shop.untilRunning(id, "model:slow");
  const problem = await shop.server.call<Problem>("DELETE", "/api/pipelines/made", undefined, [409]);
  match(problem.detail, /run under way: cancel it/);
  await shop.cancel(id);
  equal(await status(shop, "DELETE", "/api/pipelines/made"), 204);
});

async function git(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: [
      "-C",
      folder,
      "-c",
      "user.name=Test",
      "-c",
      "user.email=test@example.org",
      "-c",
      "commit.gpgsign=false",
      ...args,
    ],
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    stdin: "null",
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("in a git work tree, revisions and runs tell the commit, and whether the files differ from it", async () => {
  await using shop = await Served.start(FILES);
  equal((await pipeline(shop, "shop")).git_commit, null);
  equal((await shop.succeed("shop")).git_commit, null);

  const folder = shop.project.projectDir;
  await git(folder, "init", "--quiet");
  await git(folder, "add", ".");
  await git(folder, "commit", "--quiet", "-m", "first");
  const commit = await git(folder, "rev-parse", "HEAD");
  await shop.server.call("POST", "/api/apply");
  const first = await pipeline(shop, "shop");
  equal(first.git_commit, commit, "content that was there before its commit gets its name");
  equal((await shop.succeed("shop")).git_commit, commit);

  await shop.project.write({ "transforms/shop/totals.sql": "SELECT count(*) AS n FROM raw.orders\n" });
  const dirty = await untilPipeline(
    shop,
    "shop",
    "the change is applied",
    ({ revision }) => revision !== first.revision,
  );
  equal(dirty.git_commit, `${commit}+dirty`);
  const dirtyRun = await shop.succeed("shop");
  equal(dirtyRun.git_commit, `${commit}+dirty`);

  await git(folder, "commit", "--quiet", "-am", "second");
  const next = await git(folder, "rev-parse", "HEAD");
  await shop.server.call("POST", "/api/apply");
  const clean = await pipeline(shop, "shop");
  equal(clean.revision, dirty.revision);
  equal(clean.git_commit, next);
  equal((await shop.succeed("shop")).git_commit, next);
  equal(
    (await shop.server.run(dirtyRun.id)).git_commit,
    `${commit}+dirty`,
    "a run tells what was known then",
  );
});

Deno.test("a data folder that is opened again has its definitions, runs, logs, revisions and pauses", async () => {
  await using shop = await Served.start({
    ...FILES,
    "transforms/shop/odd.sql": `/* @sluice
columns: { amount: { checks: [{ sql: "amount > 15", severity: warn }] } }
*/
SELECT * FROM raw.orders
`,
  });
  await shop.server.call("PUT", "/api/pipelines/made", {
    definition: {},
    models: { "n.sql": "SELECT 7 AS n\n" },
  });
  const runs = [await shop.succeed("shop"), await shop.succeed("made")];
  await shop.server.call("PATCH", "/api/pipelines/shop", { paused: true });
  const [first] = runs;
  const look = async () => ({
    pipelines: await shop.server.call<PipelineSummary[]>("GET", "/api/pipelines"),
    details: [await pipeline(shop, "shop"), await pipeline(shop, "made")],
    runs: await Promise.all(runs.map(({ id }) => shop.server.run(id))),
    logs: await shop.server.call<unknown[]>("GET", `/api/runs/${first?.id}/logs`),
  });
  const before = await look();
  ok(before.logs.length > 1);
  equal(before.pipelines.length, 2);
  await shop.restart();
  deepEqual(await look(), before);
  equal((await shop.succeed("made")).revision, before.details[1]?.revision);
});

Deno.test("what changed while the server was down is applied at its start", async () => {
  await using shop = await Served.start(FILES);
  const { revision } = await pipeline(shop, "shop");
  await shop.server.stop();
  await shop.project.write({
    "transforms/shop/totals.sql": "SELECT 1 AS n\n",
    "pipelines/new.yaml": "description: new\n",
    "transforms/new/n.sql": "SELECT 1 AS n\n",
  });
  await shop.startNext();
  notEqual((await pipeline(shop, "shop")).revision, revision);
  equal((await pipeline(shop, "new")).description, "new");
});

/** The pipeline's scheduled runs, the oldest first. */
const scheduled = async (shop: Served, name: string): Promise<Run[]> =>
  (await shop.runs(name)).filter(({ trigger }) => trigger === "schedule").reverse();

Deno.test("a schedule fires by itself, once a firing; a paused pipeline does not, until it goes on", async () => {
  const everySecond = `schedule: { cron: "* * * * * *", timezone: Europe/Paris }\n`;
  await using shop = await Served.start({
    "pipelines/ticking.yaml": everySecond,
    "pipelines/paused.yaml": everySecond,
    "transforms/ticking/n.sql": "SELECT 1 AS n\n",
    "transforms/paused/n.sql": "SELECT 1 AS n\n",
  });
  await until(
    "both have run",
    async () =>
      (await scheduled(shop, "ticking")).length >= 2 && (await scheduled(shop, "paused")).length >= 1,
  );
  ok((await pipeline(shop, "ticking")).next_run_at !== null);
  const paused = await shop.server.call<PipelineSummary>("PATCH", "/api/pipelines/paused", { paused: true });
  equal(paused.paused, true);
  equal(paused.next_run_at, null);
  // A firing that was on its way when the pause came may still be written.
  const ticks = (await scheduled(shop, "ticking")).length;
  await until("a firing after the pause", async () => (await scheduled(shop, "ticking")).length > ticks);
  const before = (await scheduled(shop, "paused")).length;
  await until("two more firings", async () => (await scheduled(shop, "ticking")).length > ticks + 2);
  equal((await scheduled(shop, "paused")).length, before);
  await shop.server.call("PATCH", "/api/pipelines/paused", { paused: false });
  await until("the schedule goes on", async () => (await scheduled(shop, "paused")).length > before);

  for (const run of await scheduled(shop, "ticking")) {
    match(run.window_end, /:\d\d\.000Z$/, "the window ends at the moment of the schedule");
    equal(run.triggered_by, run.window_end);
  }
  const moments = (await scheduled(shop, "ticking")).map(({ window_end }) => window_end);
  equal(new Set(moments).size, moments.length, "no moment fires twice");
  deepEqual(moments.toSorted(), moments);
  // So that nothing starts while the server stops.
  for (const name of ["ticking", "paused"]) {
    await shop.server.call("PATCH", `/api/pipelines/${name}`, { paused: true });
  }
  await until(
    "the last run has ended",
    async () =>
      (await shop.server.call<Run[]>("GET", "/api/runs")).every(({ state }) => state === "succeeded"),
  );
});

Deno.test("a firing during a run is left out by overlap: skip and queued by overlap: queue", async () => {
  const slow = `${ONE_THREAD}schedule: { cron: "* * * * * *" }\n`;
  await using shop = await Served.start({
    "pipelines/skips.yaml": slow,
    "pipelines/queues.yaml": `${slow}overlap: queue\n`,
    "transforms/skips/slow.sql": ENDLESS,
    "transforms/queues/slow.sql": ENDLESS,
  });
  await until("a run of each is at work", async () => {
    const running = await shop.server.call<Run[]>("GET", "/api/runs?state=running");
    return running.length === 2;
  });
  const [first] = await scheduled(shop, "skips");
  await until("two more are queued", async () => (await scheduled(shop, "queues")).length >= 3);
  const queued = await scheduled(shop, "queues");
  deepEqual(queued.slice(0, 3).map(({ state }) => state), ["running", "queued", "queued"]);
  deepEqual((await scheduled(shop, "skips")).map(({ id }) => id), [first?.id]);

  for (const name of ["skips", "queues"]) {
    await shop.server.call("PATCH", `/api/pipelines/${name}`, { paused: true });
  }
  for (const run of [...await scheduled(shop, "queues"), ...await scheduled(shop, "skips")].reverse()) {
    equal((await shop.cancel(run.id)).state, "cancelled");
  }
});

Deno.test("pipelines run after others, for the window that they share, and show it", async () => {
  const step = (name: string) => ({ [`transforms/${name}/one.sql`]: "SELECT 1 AS one\n" });
  await using shop = await Served.start({
    "pipelines/orders.yaml": "tags: [a]\n",
    "pipelines/customers.yaml": "tags: [b]\n",
    "pipelines/report.yaml": "after: { all: [orders, customers] }\n",
    "pipelines/mail.yaml": "after: [report]\n",
    ...step("orders"),
    ...step("customers"),
    ...step("report"),
    ...step("mail"),
  });
  const [orders, customers] = [await shop.succeed("orders"), await shop.succeed("customers")];
  const ended = async (name: string): Promise<Run[]> =>
    (await shop.server.call<Run[]>("GET", `/api/runs?pipeline=${name}`)).filter(({ finished_at }) =>
      finished_at !== null
    );
  await until("the last of them has run", async () => (await ended("mail")).length > 0);
  const [[report, ...more], [mail]] = [await ended("report"), await ended("mail")];
  deepEqual(more, []);
  const first = orders.window_end < customers.window_end ? orders : customers;
  deepEqual([report?.trigger, report?.triggered_by, report?.parent], [
    "after",
    "customers, orders",
    [orders.id, customers.id].toSorted().at(-1),
  ]);
  deepEqual([report?.state, report?.window_start, report?.window_end], ["succeeded", null, first.window_end]);
  deepEqual([mail?.parent, mail?.window_end], [report?.id, report?.window_end]);
  const shown = await pipeline(shop, "report");
  deepEqual(shown.after, { needs: "all", pipelines: ["orders", "customers"] });
  deepEqual(shown.followed_by, ["mail"]);

  // What would run after itself is not in force, nor is what names it while that is so.
  await shop.project.write({ "pipelines/orders.yaml": "after: [mail]\n" });
  await untilPipeline(shop, "orders", "the fault is shown", ({ faults }) => faults.length > 0);
  deepEqual((await pipeline(shop, "orders")).after, null);
  await shop.project.write({ "pipelines/orders.yaml": "tags: [a]\n" });
  await untilPipeline(shop, "mail", "it is mended", ({ faults }) => faults.length === 0);
});

Deno.test("a file that appears starts one run of what waits for it", async () => {
  await using shop = await Served.start({
    "pipelines/inbox.yaml": `sensors: [{ connector: files, path: "in/*.csv", every: 10s }]
extract: { orders: { connector: files, path: "in/*.csv", mode: append } }
`,
    "in/first.csv": "id\n1\n",
  });
  const runs = () => shop.server.call<Run[]>("GET", "/api/runs?pipeline=inbox");
  await until("its run has ended", async () => (await runs()).some(({ state }) => state === "succeeded"));
  const [run, ...more] = await runs();
  deepEqual([run?.trigger, run?.triggered_by, run?.rows_extracted, more], ["sensor", "in/first.csv", 1, []]);
  const { sensors: [sensor], warnings } = await pipeline(shop, "inbox");
  deepEqual([sensor?.path, sensor?.every, sensor?.found, sensor?.problem], [
    "in/*.csv",
    "10s",
    "in/first.csv",
    null,
  ]);
  deepEqual(warnings, []);
});

Deno.test("a definition is shown as it was written, also where only its comments changed", async () => {
  const written =
    "# Orders of the shop.\nextract: { orders: { connector: files, path: data/orders.csv } } # all\n";
  await using shop = await Served.start({ "data/orders.csv": "id\n1\n", "pipelines/shop.yaml": written });
  const first = await pipeline(shop, "shop");
  deepEqual(first.source, { path: "pipelines/shop.yaml", content: written });
  const later = written.replace("all", "of this year");
  await Deno.writeTextFile(join(shop.project.projectDir, "pipelines/shop.yaml"), later);
  await shop.server.call("POST", "/api/apply");
  const second = await pipeline(shop, "shop");
  deepEqual([second.source?.content, second.revision], [later, first.revision]);
  await Deno.writeTextFile(join(shop.project.projectDir, "pipelines/shop.yaml"), "extract: [\n");
  await shop.server.call("POST", "/api/apply");
  equal((await pipeline(shop, "shop")).source?.content, later, "the one in force");
  await shop.server.call("PUT", "/api/pipelines/made", {
    definition: "{} # nothing\n",
    models: { "n.sql": "SELECT 1 AS n" },
  });
  equal((await pipeline(shop, "made")).source?.content, "{} # nothing\n");
});
