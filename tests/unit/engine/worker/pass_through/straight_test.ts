import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ReadMessage } from "../../../../../contract/connector/source.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { JobProject, rows, statesOf } from "../job_fixture.ts";
import { ALL, Destination, twoBatches } from "./destination_double.ts";

const definition = (
  extract: Readonly<Record<string, unknown>> = {},
  load: Readonly<Record<string, unknown>> = {},
) => ({
  extract: { s: { connector: "it", store: false, ...extract } },
  load: { s: { connector: "it", table: "t", ...load } },
});

const tables = async (project: JobProject): Promise<unknown[]> =>
  (await project.rows("SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'raw'"))
    .map(({ t }) => t);

Deno.test("the rows of a stream that is not stored go to the destination, which commits first", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const { seen } = destination;
  const ended: string[] = [];
  const attempt = await project.attempt(
    { read: () => twoBatches(seen), ...destination.system },
    definition(),
    {},
    {},
    undefined,
    (report) => {
      if (report.type !== "step" || report.step.state !== "succeeded") return;
      ended.push(`${report.step.name} after ${destination.committed.length} commits`);
    },
  );
  equal(attempt.error, undefined);
  deepEqual(seen.filter((what) => !what.startsWith("staged")), [
    "claim",
    "reads 1",
    "reads 2",
    "has read",
    "apply",
    "commit replace",
  ]);
  deepEqual(destination.committed, [ALL]);
  deepEqual(destination.hashes, [null]);
  deepEqual(ended, ["extract:s after 1 commits", "load:s→it after 1 commits"]);
  deepEqual(await tables(project), []);
  equal(attempt.steps.get("extract:s")?.rows, 3);
  equal(attempt.steps.get("load:s→it")?.rows, 3);
  const table = attempt.reports.find((report) => report.type === "table");
  deepEqual(table?.table.columns.map(({ name, type }) => `${name} ${type}`), ["id INTEGER", "x VARCHAR"]);
  equal(table?.table.row_count, 3);
  match(table?.table.note ?? "", /went straight to it/);
});

Deno.test("a stream that is stored no more leaves no old table, and one that is stored again gets one", async () => {
  await using project = await JobProject.create();
  const system = { read: () => twoBatches([]) };
  for (
    const [runId, store, expected] of [["1", true, ["s"]], ["2", false, []], ["3", true, ["s"]]] as const
  ) {
    const destination = new Destination();
    const attempt = await project.attempt(
      { ...system, ...destination.system },
      definition({ store }),
      {},
      { runId: `run${runId}` },
    );
    equal(attempt.error, undefined);
    deepEqual(destination.committed, [ALL]);
    deepEqual(await tables(project), expected);
  }
});

Deno.test("columns, names and masks hold for a stream that is not stored", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const attempt = await project.attempt(
    { read: () => twoBatches([]), ...destination.system },
    definition({ rename: { id: "number" }, mask: { x: "redact" } }),
  );
  equal(attempt.error, undefined);
  deepEqual(destination.inputs[0]?.schema.fields.map(({ name, type }) => `${name} ${type}`), [
    "number Int32",
    "x Utf8",
  ]);
  ok(destination.committed.flat().every((row) => !/[abc]$/.test(row)), destination.committed.flat().join());
});

Deno.test("a source that breaks, or ends without a batch, leaves the destination as it was", async () => {
  const broken: readonly (readonly [RegExp, () => AsyncGenerator<ReadMessage>])[] = [
    [/the source broke at row 3/, async function* () {
      yield await Promise.resolve(rows("s", [1, "a"], [2, "b"]));
      throw new AppError("unavailable", "the source broke at row 3");
    }],
    [/no batch, not even an empty one/, async function* () {}],
    [/A row does not fit \(row 2\): too long/, async function* () {
      yield await Promise.resolve(rows("s", [1, "a"]));
      yield { type: "reject", stream: "s", reject: { reason: "too long", position: "row 2", row: null } };
    }],
    [/its columns changed while they were read/, async function* () {
      yield await Promise.resolve(rows("s", [1, "a"]));
      const other = rows("s", [1, "a"]);
      if (other.type === "rows") yield { ...other, batch: other.batch.select(["id"]) };
    }],
  ];
  for (const [message, read] of broken) {
    await using project = await JobProject.create();
    const destination = new Destination();
    const attempt = await project.attempt({ read, ...destination.system }, definition());
    match(String(attempt.error), message);
    deepEqual(statesOf(attempt), { "extract:s": "failed", "load:s→it": "skipped" });
    equal(destination.committed.length, 0);
    const again = await project.attempt(
      { read: () => twoBatches([]), ...destination.system },
      definition(),
      {},
      { attempt: 2 },
    );
    equal(again.error, undefined);
    deepEqual(destination.committed, [ALL]);
  }
});

Deno.test("a destination that fails stops the read at once, and the retry reads again", async () => {
  for (
    const [fails, message] of [["batch", /disk of the destination is full/], ["commit", /lost/]] as const
  ) {
    await using project = await JobProject.create();
    const destination = new Destination();
    if (fails === "batch") {
      destination.onBatch = () => {
        throw new AppError("unavailable", "the disk of the destination is full");
      };
    } else {
      destination.onCommit = () => {
        throw new AppError("unavailable", "the connection was lost");
      };
    }
    let read = 0;
    const source = async function* (): AsyncGenerator<ReadMessage> {
      for (let id = 1; id <= 50; id += 1) {
        read += 1;
        // As a source that waits for its network.
        await new Promise((resolve) => setTimeout(resolve, 0));
        yield rows("s", [id, "a"]);
      }
    };
    const attempt = await project.attempt({ read: source, ...destination.system }, definition());
    match(String(attempt.error), /extract:s: load:s→it: /);
    match(String(attempt.error), message);
    deepEqual(statesOf(attempt), { "extract:s": "failed", "load:s→it": "failed" });
    equal(attempt.steps.get("load:s→it")?.error?.code, "unavailable");
    if (fails === "batch") ok(read < 10, `${read} batches were read`);
    equal(destination.committed.length, 0);
    destination.onBatch = () => {};
    destination.onCommit = () => {};
    const again = await project.attempt({ read: source, ...destination.system }, definition(), {}, {
      attempt: 2,
    });
    equal(again.error, undefined);
    equal(destination.committed[0]?.length, 50);
  }
});

Deno.test("a run that is cancelled leaves the destination as it was", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const stop = new AbortController();
  destination.onBatch = () => stop.abort(new AppError("cancelled", "someone cancelled the run"));
  const attempt = await project.attempt(
    { read: () => twoBatches([]), ...destination.system },
    definition(),
    {},
    {},
    stop.signal,
  );
  match(String(attempt.error), /someone cancelled the run/);
  deepEqual(statesOf(attempt), { "extract:s": "cancelled", "load:s→it": "cancelled" });
  equal(destination.committed.length, 0);
});

Deno.test("the read and the load of a stream that is not stored are chosen together", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const attempt = await project.attempt(
    { read: () => twoBatches([]), ...destination.system },
    definition(),
    {},
    { select: "raw.s" },
  );
  equal(attempt.error, undefined);
  deepEqual(destination.committed, [ALL]);
});
