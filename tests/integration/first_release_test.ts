import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { LogLine, PipelineSummary, Run, RunDetail } from "../../contract/run.ts";
import { copyFirstRelease, type Seen } from "../support/first_release.ts";
import { bytesOf } from "../support/store_bytes.ts";
import { PATIENCE_MS, queryFiles, step } from "../support/served_project.ts";
import { SluiceServer } from "../support/sluice_server.ts";
import type { TestProject } from "../support/test_project.ts";

/** A project and a data folder of the first release (tests/fixtures/first_release) open and go on. */

const DAY_MS = 86_400_000;

async function withFirstRelease(
  work: (context: { project: TestProject; seen: Seen; server: SluiceServer }) => Promise<void>,
  ageMs?: number,
): Promise<void> {
  const { project, seen } = await copyFirstRelease(ageMs);
  await using _ = project;
  const server = await SluiceServer.start(project.projectDir, project.dataDir);
  try {
    await work({ project, seen, server });
  } finally {
    // In order, so that no run's process still writes into the folder that is removed.
    await server.stop();
  }
}

/** What is in `seen` has to be in `now`, with the same values; a later version may add keys. */
function assertHolds(now: unknown, seen: unknown, where: string): void {
  if (Array.isArray(seen)) {
    ok(Array.isArray(now), `${where} is no list`);
    equal(now.length, seen.length, `${where} has another length`);
    for (const [index, value] of seen.entries()) assertHolds(now[index], value, `${where}[${index}]`);
  } else if (typeof seen === "object" && seen !== null) {
    ok(typeof now === "object" && now !== null, `${where} is gone`);
    const values = new Map(Object.entries(now));
    for (const [key, value] of Object.entries(seen)) assertHolds(values.get(key), value, `${where}.${key}`);
  } else deepStrictEqual(now, seen, where);
}

Deno.test("runs, steps and logs of the first release are shown as it showed them", async () => {
  await withFirstRelease(async ({ seen, server }) => {
    const runs = await server.call<Run[]>("GET", "/api/runs?limit=500");
    deepStrictEqual(runs.map(({ id }) => id), seen.runs.map(({ id }) => id));
    deepStrictEqual(
      seen.runs.map(({ pipeline, state, attempt }) => `${pipeline} ${state} ${attempt}`),
      [
        "nightly cancelled 0",
        "nightly cancelled 1",
        "nightly succeeded 1",
        "feed failed 2",
        "sales succeeded 1",
        "sales succeeded 2",
      ],
    );
    for (const run of seen.runs) {
      assertHolds(await server.run(run.id), run, `run ${run.id}`);
      assertHolds(await server.call<LogLine[]>("GET", `/api/runs/${run.id}/logs`), seen.logs[run.id], "logs");
    }
    ok(seen.runs.some(({ steps }) => steps.length > 10));
  });
});

Deno.test("pipelines, pauses, tokens and idempotency keys of the first release hold", async () => {
  await withFirstRelease(async ({ seen, server }) => {
    // The project's files were applied again: a revision may be written in another way by now.
    const withoutRevision = seen.pipelines.map(({ revision: _, ...pipeline }) => pipeline);
    assertHolds(await server.call<PipelineSummary[]>("GET", "/api/pipelines"), withoutRevision, "pipelines");

    const asOperator = { headers: { Authorization: `Bearer ${seen.operator}` } };
    const listed = await server.request("GET", "/api/pipelines", asOperator);
    equal(listed.status, 200, await listed.text());
    const forbidden = await server.request("POST", "/api/apply", asOperator);
    equal(forbidden.status, 403, await forbidden.text());
    const tokens = new Map((await server.call<Seen["tokens"]>("GET", "/api/tokens")).map((t) => [t.id, t]));
    for (const { id, name, role, created_at } of seen.tokens) {
      // This server was started with another SLUICE_TOKEN, and makes the commands' token anew.
      if (name === "ci" || name === "dashboard") {
        assertHolds(tokens.get(id), { id, name, role, created_at }, `token ${name}`);
      }
    }

    const repeated = await server.request("POST", "/api/pipelines/sales/runs", {
      headers: { "Idempotency-Key": "sales-2024-01-03" },
      body: { params: { region: "us" } },
    });
    const { id }: Run = await repeated.json();
    equal(id, seen.runs.find(({ params }) => params["region"] === "us")?.id);
  });
});

async function run(server: SluiceServer, pipeline: string): Promise<RunDetail> {
  const ended = await server.ended((await server.trigger(pipeline)).id, PATIENCE_MS);
  equal(ended.state, "succeeded", JSON.stringify(ended.error));
  return ended;
}

function warehouse(project: TestProject, pipeline: string, sql: string): Promise<string[][]> {
  const path = join(project.dataDir, "warehouse", `${pipeline}.duckdb`);
  return queryFiles(`ATTACH '${path}' AS warehouse (READ_ONLY); USE warehouse; ${sql}`);
}

/** Rows of the SQLite file that the pipelines load into, values as text. */
function report(project: TestProject, sql: string): string[][] {
  using database = new DatabaseSync(join(project.projectDir, "out", "report.sqlite"), { readOnly: true });
  return database.prepare(sql).all().map((row) => Object.values(row).map(String));
}

const parquet = (project: TestProject, folder: string, sql: string): Promise<string[][]> =>
  queryFiles(`${sql.replace("$files", `'${join(project.projectDir, "out", folder)}/*.parquet'`)}`);

async function addRows(project: TestProject): Promise<void> {
  {
    using shop = new DatabaseSync(join(project.projectDir, "data", "shop.sqlite"));
    shop.exec(`
      INSERT INTO orders VALUES (4, 'cy', 'ink', 1, '2024-01-03 09:00:00'); -- at the cursor
      UPDATE orders SET quantity = 7, updated_at = '2024-01-04 08:00:00' WHERE id = 2;
      UPDATE orders SET quantity = 99 WHERE id = 1; -- before the cursor: nothing says that it changed`);
  }
  const add = (path: string, text: string) =>
    Deno.writeTextFile(join(project.projectDir, "data", path), text, { append: true });
  await Deno.writeTextFile(join(project.projectDir, "data", "prices.csv"), "sku,price\nink,5.00\nnib,2.25\n");
  await add("stock.csv", "cap,9,1\nnib,30,2\n");
  await add(
    "events.ndjson",
    [
      '{"happened_at":"2024-01-02T10:00:00Z","kind":"late"}', // before the cursor
      '{"happened_at":"2024-01-03T09:00:00Z","kind":"visit"}', // at the cursor
      '{"happened_at":"2024-01-05T10:00:00Z","kind":"visit"}',
      '{"happened_at":null,"kind":"ping"}',
      "",
    ].join("\n"),
  );
}

const COUNTS = "SELECT run_id, kind, events FROM event_counts ORDER BY run_id, kind";

Deno.test("a pipeline of the first release goes on from its cursors, and no row comes twice", async () => {
  await withFirstRelease(async ({ project, seen, server }) => {
    const before = report(project, COUNTS);
    equal(before.length, 5);
    await addRows(project);

    const first = await run(server, "sales");
    const assertTables = async () => {
      deepStrictEqual(
        await warehouse(project, "sales", "SELECT id, customer, sku, quantity FROM raw.orders ORDER BY id"),
        [["1", "al", "ink", "5"], ["2", "bo", "nib", "7"], ["3", "bo", "nib", "4"], ["4", "cy", "ink", "1"]],
      );
      deepStrictEqual(
        await warehouse(project, "sales", "SELECT sku, quantity, version FROM raw.stock ORDER BY sku"),
        [["cap", "9", "1"], ["ink", "3", "1"], ["nib", "30", "2"]],
      );
      deepStrictEqual(
        await warehouse(
          project,
          "sales",
          "SELECT kind, count(*) FROM raw.events GROUP BY kind ORDER BY kind",
        ),
        [["order", "1"], ["ping", "2"], ["visit", "4"]],
      );
      deepStrictEqual(report(project, "SELECT sku, amount, orders, region FROM revenue ORDER BY sku"), [
        ["ink", "30", "2", "eu"],
        ["nib", "24.75", "2", "eu"],
      ]);
      deepStrictEqual(
        await queryFiles(
          `SELECT sku, amount::DECIMAL(9, 2) FROM '${project.projectDir}/out/revenue.csv' ORDER BY sku`,
        ),
        [["ink", "30.00"], ["nib", "24.75"]],
      );
      // The incremental model builds what has changed since its own cursor: not al, though ink has a new price.
      deepStrictEqual(report(project, "SELECT customer, amount FROM customers ORDER BY customer"), [
        ["al", "22.5"],
        ["bo", "24.75"],
        ["cy", "5"],
      ]);
    };
    await assertTables();
    equal(step(first, "check:revenue.enough_in_stock").state, "warned");
    const counted = (id: string) => [[id, "order", "1"], [id, "ping", "2"], [id, "visit", "4"]];
    deepStrictEqual(report(project, COUNTS), [...before, ...counted(first.id)]);
    const last = seen.runs.find(({ pipeline }) => pipeline === "sales");
    equal(first.window_start, last?.window_end);

    const second = await run(server, "sales");
    await assertTables();
    const all = [...before, ...counted(first.id), ...counted(second.id)];
    deepStrictEqual(report(project, COUNTS), all);
    deepStrictEqual(
      await parquet(project, "event_counts", "SELECT run_id, kind, events FROM $files ORDER BY run_id, kind"),
      all,
    );
  });
});

Deno.test("a failed run of the first release is retried, and what its loads added stays single", async () => {
  await withFirstRelease(async ({ project, seen, server }) => {
    await Deno.writeTextFile(join(project.projectDir, "data", "extra.csv"), "n\n1\n2\n");
    const failed = seen.runs.find(({ pipeline }) => pipeline === "feed");
    await server.call("POST", `/api/runs/${failed?.id}/retry`);
    const retried = await server.ended(failed?.id ?? "", PATIENCE_MS);
    equal(retried.state, "succeeded", JSON.stringify(retried.error));
    equal(retried.attempt, 3);
    equal(step(retried, "extract:feed").attempt, 1, "it was committed by the first attempt");
    deepStrictEqual(report(project, "SELECT total FROM extra_total"), [["3"]]);
    const loaded = () => report(project, "SELECT seq FROM feed ORDER BY seq").flat().join(" ");
    const put = async () =>
      (await parquet(project, "feed", "SELECT seq FROM $files ORDER BY seq")).flat().join(" ");
    equal(loaded(), "1 2");
    equal(await put(), "1 2");

    await Deno.writeTextFile(join(project.projectDir, "data", "feed.ndjson"), '{"seq":3,"text":"three"}\n', {
      append: true,
    });
    await run(server, "feed");
    deepStrictEqual((await warehouse(project, "feed", "SELECT seq FROM raw.feed ORDER BY seq")).flat(), [
      "1",
      "2",
      "3",
    ]);
    // An append load adds all rows of what it loads, once a run.
    equal(loaded(), "1 1 2 2 3");
    equal(await put(), "1 1 2 2 3");
  });
});

Deno.test("a run is not retried when what it committed may be forgotten", async () => {
  await withFirstRelease(async ({ project, seen, server }) => {
    const failed = seen.runs.find(({ pipeline }) => pipeline === "feed");
    const refused = await server.request("POST", `/api/runs/${failed?.id}/retry`);
    const problem: { code: string; detail: string } = JSON.parse(await refused.text());
    equal(refused.status, 409, problem.detail);
    ok(/older than 80 days.*start a new run/.test(problem.detail), problem.detail);
    deepStrictEqual(report(project, "SELECT count(*) FROM feed"), [["2"]]);
  }, 81 * DAY_MS);
});

Deno.test("a pipeline that was put through the first release's API runs on, by the command line too", async () => {
  const { project, seen } = await copyFirstRelease();
  await using _ = project;
  const { code, stdout, stderr } = await project.sluice("run", ["nightly", "--param", "size=4", "--json"]);
  equal(code, 0, stderr);
  equal(JSON.parse(stdout.trim().split("\n").at(-1) ?? "").state, "succeeded");
  deepStrictEqual(await warehouse(project, "nightly", "SELECT n FROM numbers"), [["4"]]);
  const listed = await project.sluice("runs", ["--pipeline", "nightly", "--json"]);
  const runs: Run[] = JSON.parse(listed.stdout);
  deepStrictEqual(
    runs.slice(1).map(({ id }) => id),
    seen.runs.filter(({ pipeline }) => pipeline === "nightly").map(({ id }) => id),
  );
});

Deno.test("connectors that the first release kept in plain are sealed by the first command, and gone from its file", async () => {
  const { project } = await copyFirstRelease();
  await using _ = project;
  const path = join(project.dataDir, "sluice.db");
  const password = "first-release-canary";
  const entry = JSON.stringify({ type: "postgres", host: "db", password });
  const counts = () => {
    using store = new DatabaseSync(path, { readOnly: true });
    const count = (sql: string) => Number(Object.values(store.prepare(sql).get() ?? {})[0]);
    return {
      connectors: count("select count(*) from connectors where sealed is not null"),
      revisions: count("select count(*) from revisions where sealed_connectors is not null"),
      plain: count("select count(*) from revisions where sealed_connectors is null and connectors <> '{}'"),
    };
  };
  let revisions: number;
  {
    using store = new DatabaseSync(path);
    store.prepare("insert into connectors (name, definition) values ('old', ?)").run(entry);
    store.prepare("update revisions set connectors = json_set(connectors, '$.old', json(?))").run(entry);
    revisions = store.prepare("select 1 from revisions").all().length;
  }
  ok(revisions > 2 && (await bytesOf(path)).includes(password));
  const { code, stdout, stderr } = await project.sluice("keys", ["show"]);
  equal(code, 0, stderr);
  ok(stdout.includes(`revisions: ${revisions}`), stdout);
  const found = counts();
  deepStrictEqual([found.plain, found.revisions], [0, revisions]);
  ok(found.connectors > 1);
  equal((await bytesOf(path)).includes(password), false);
});
