import { deepEqual, equal } from "node:assert/strict";
import type { Scan, StreamRequest } from "../../../../contract/connector/source.ts";
import type { JsonValue } from "../../../../contract/json.ts";
import { AppError } from "../../../../contract/errors.ts";
import { type Attempt, JobProject } from "./job_fixture.ts";

/** Streams whose source may find that nothing has changed. */

/** A source of the rows with the version as its validator, which it goes by where it is asked with one. */
function versioned(rows: string) {
  const asked: (JsonValue | undefined)[] = [];
  const own = {
    version: 1,
    asked,
    read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("unasked")) }) }),
    scan: ({ validators }: StreamRequest): Scan => {
      asked.push(validators);
      return {
        relation: `(SELECT * FROM (VALUES ${rows}) AS t(id, x))`,
        files: [],
        sizeBytes: 1,
        validators: own.version,
        ...(validators === own.version ? { isUnchanged: true } : {}),
        explain: (error) =>
          Promise.resolve(error instanceof AppError ? error : new AppError("internal", String(error))),
        verify: () => Promise.resolve(),
      };
    },
  };
  return own;
}

const extract = (more: Record<string, unknown> = {}) => ({
  extract: { orders: { connector: "it", ...more } },
});
const step = ({ steps }: Attempt) => steps.get("extract:orders");

Deno.test("a stream is asked for with the validators of the rows that are there, and with no others", async () => {
  await using project = await JobProject.create();
  const source = versioned("(1, 'a'), (2, 'b')");
  let run = 0;
  const attempt = async (more: Record<string, unknown> = {}, job: object = {}) => {
    const done = await project.attempt(source, extract(more), {}, { runId: `r${++run}`, ...job });
    equal(done.error, undefined);
    return step(done);
  };
  await attempt();
  const kept = await attempt();
  deepEqual([kept?.rows, kept?.unchanged, kept?.state], [0, true, "succeeded"]);
  deepEqual(await project.rows("SELECT count(*) AS n FROM raw.orders"), [{ n: 2 }]);
  equal((await attempt({ description: "says nothing of rows" }))?.unchanged, true);
  source.version = 2;
  equal((await attempt())?.rows, 2);
  deepEqual(source.asked.splice(0), [undefined, 1, 1, 1]);

  // Whatever makes other rows of the same answers.
  for (
    const more of [{ columns: ["x"] }, { mask: { x: "hash" } }, { where: "id > 1" }, { rename: { x: "y" } }]
  ) {
    await attempt(more);
    await attempt(more);
    deepEqual(source.asked.splice(0), [undefined, 2], JSON.stringify(more));
  }
  const salted = { it: { type: "memory", mask_salt: "another" } };
  await attempt({ mask: { x: "hash" } });
  await attempt({ mask: { x: "hash" } }, { connectors: salted });
  deepEqual(source.asked.splice(0), [undefined, undefined]);
  // A condition that each run may have another value for.
  const where = { where: "x >= coalesce(getvariable('run_id'), '')" };
  await attempt(where);
  await attempt(where);
  deepEqual(source.asked.splice(0), [undefined, undefined]);

  await attempt();
  await attempt({}, { fullRefresh: true });
  deepEqual(source.asked.splice(0), [undefined, undefined]);
  // Somebody has been at the table.
  await project.rows("DELETE FROM raw.orders WHERE id = 1 RETURNING id");
  await attempt();
  await project.rows("DROP TABLE raw.orders");
  await attempt();
  deepEqual(source.asked.splice(0), [undefined, undefined]);
  equal((await attempt())?.unchanged, true);
});

Deno.test("streams that keep their rows are not asked for by validators", async () => {
  for (const more of [{ mode: "append" }, { mode: "incremental", primary_key: ["id"], update_key: "id" }]) {
    await using project = await JobProject.create();
    const source = versioned("(1, 'a')");
    for (const runId of ["r1", "r2"]) {
      equal((await project.attempt(source, extract(more), {}, { runId })).error, undefined);
    }
    deepEqual(source.asked, [undefined, undefined]);
  }
});
