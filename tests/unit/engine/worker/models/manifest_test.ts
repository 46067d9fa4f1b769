import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import type { StepManifest } from "../../../../../contract/runs/manifest.ts";
import type { RunJob } from "../../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject, type MemorySystem, rows } from "../job_fixture.ts";

/** What each step says of what it was made of. */

const DEFINITION = { extract: { orders: { connector: "it", mode: "full" } } };
const ORDERS: readonly (readonly [number, string])[] = [[1, "a"], [2, "b"]];

const systemOf = (orders: readonly (readonly [number, string])[]): MemorySystem => ({
  read: async function* () {
    yield await Promise.resolve(rows("orders", ...orders));
  },
});

const MODELS = {
  shown: "/* @sluice\nmaterialized: view\n*/\nSELECT * FROM raw.orders",
  renamed: "/* @sluice\nmaterialized: ephemeral\n*/\nSELECT id, x AS y FROM shown",
  counted: "SELECT count(*) AS n, now() AS moment FROM renamed",
  gathered: "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/\nSELECT id, x FROM raw.orders",
};

function manifestOf({ steps, error }: Attempt, step: string): StepManifest {
  const manifest = steps.get(step)?.manifest;
  ok(manifest !== undefined, String(error));
  return manifest;
}

async function withRuns(
  work: (
    run: (
      orders: readonly (readonly [number, string])[],
      runId: string,
      more?: Partial<RunJob>,
      models?: Record<string, string>,
    ) => Promise<Attempt>,
  ) => Promise<void>,
): Promise<void> {
  await using project = await JobProject.create();
  await work((orders, runId, more = {}, models = MODELS) =>
    project.attempt(systemOf(orders), DEFINITION, models, { runId, windowEndMs: 1_000, ...more })
  );
}

Deno.test("a model's manifest has what it was built from, through views and ephemeral models, and what it made", async () => {
  await withRuns(async (run) => {
    const first = await run(ORDERS, "r1");
    const counted = manifestOf(first, "model:counted");
    const [input] = counted.inputs ?? [];
    deepEqual(counted.inputs?.map(({ table, rows }) => [table, rows]), [["raw.orders", 2]]);
    deepEqual(counted.inputs, manifestOf(first, "model:gathered").inputs);
    equal(counted.output?.rows, 1);
    equal(counted.output?.table, "main.counted");
    equal(counted.window_end, "1970-01-01T00:00:01.000Z");
    equal(manifestOf(first, "model:shown").output?.hash, null);
    equal(manifestOf(first, "model:gathered").before, undefined);
    equal(manifestOf(first, "extract:orders").sluice, counted.sluice);

    const again = await run(ORDERS.toReversed(), "r2");
    deepEqual(manifestOf(again, "model:counted").inputs, [input], "the same rows in another order");
    const gathered = manifestOf(again, "model:gathered");
    deepEqual(gathered.before, manifestOf(first, "model:gathered").output);
    deepEqual(gathered.output, gathered.before);
    const other = await run([[1, "a"], [2, "c"]], "r3");
    notEqual(manifestOf(other, "model:counted").inputs?.[0]?.hash, input?.hash);
    deepEqual(manifestOf(other, "model:gathered").before, gathered.output);
    notEqual(manifestOf(other, "model:gathered").output?.hash, gathered.output?.hash);
  });
});

Deno.test("the moment in a manifest is what now() was", async () => {
  await using project = await JobProject.create();
  const attempt = await project.attempt(systemOf(ORDERS), DEFINITION, MODELS);
  const [row] = await project.rows("SELECT moment::VARCHAR AS at FROM counted");
  equal(manifestOf(attempt, "model:counted").moment, row?.["at"]);
});

Deno.test("an attempt after one that failed has what that one built, and models of earlier runs are inputs", async () => {
  await withRuns(async (run) => {
    const models = { ...MODELS, behind: "SELECT n FROM counted" };
    await run(ORDERS, "r0", {}, models);
    const broken = { ...models, behind: "SELECT n, error('broken') FROM counted" };
    const failed = await run([[1, "a"], [3, "c"], [4, "d"]], "r1", {}, broken);
    equal(failed.steps.get("model:behind")?.manifest, undefined);
    // Were it read again, its rows would be others.
    const retried = await run([], "r1", { attempt: 2 }, models);
    const counted = manifestOf(failed, "model:counted");
    deepEqual(manifestOf(retried, "model:counted"), counted);
    deepEqual(manifestOf(retried, "model:behind").inputs, [counted.output]);
    equal(retried.steps.get("model:counted")?.attempt, 1);

    const alone = await run(ORDERS, "r2", { select: "behind" }, models);
    deepEqual(manifestOf(alone, "model:behind").inputs, [counted.output]);
  });
});

Deno.test("a model in batches has the table that it went on with, unless an earlier attempt did the first of them", async () => {
  await using project = await JobProject.create();
  const daily = `/* @sluice
materialized: incremental
strategy: delete_insert
update_key: day
batch_size: 1d
begin: 1970-01-01
*/
SELECT DATE '1970-01-01' + i::INTEGER AS day, if(i = getvariable('broken'), error('broken'), 1) AS n FROM range(10) AS r(i)
WHERE DATE '1970-01-01' + i::INTEGER >= getvariable('window_start')
  AND DATE '1970-01-01' + i::INTEGER < getvariable('window_end')`;
  const run = (runId: string, days: number, attempt = 1, broken = -1) =>
    project.attempt(systemOf([]), { params: { broken: { type: "integer" } } }, { daily }, {
      params: { broken },
      runId,
      attempt,
      windowEndMs: days * 86_400_000,
    });
  const first = manifestOf(await run("r1", 2), "model:daily");
  equal(first.output?.rows, 2);
  const second = manifestOf(await run("r2", 5), "model:daily");
  deepEqual(second.before, first.output);
  await run("r3", 8, 1, 6);
  const third = manifestOf(await run("r3", 8, 2), "model:daily");
  equal(third.output?.rows, 8);
  equal(third.before?.left_out, "an earlier attempt has built its first batches");
});
