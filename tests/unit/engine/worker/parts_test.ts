import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ReadMessage, ReadRequest } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { JobProject, rows } from "./job_fixture.ts";

const PARTS = ["a", "b", "c", "d"];

/** Rows 1 and 2 of each part; parts named in `broken` fail after their first row. */
function source(broken: Set<string>) {
  const asked: string[] = [];
  let cuts = 0;
  return {
    asked,
    get cuts() {
      return cuts;
    },
    partition: () => {
      cuts += 1;
      return PARTS.map((id) => ({ id, bounds: { id } }));
    },
    async *read({ part }: ReadRequest): AsyncIterable<ReadMessage> {
      if (part !== undefined) asked.push(part.id);
      const base = 10 * (1 + PARTS.indexOf(part?.id ?? ""));
      yield await Promise.resolve(rows("orders", [base + 1, part?.id ?? "whole"]));
      if (broken.has(part?.id ?? "")) throw new AppError("unavailable", "the connection was cut");
      yield rows("orders", [base + 2, part?.id ?? "whole"]);
    },
  };
}

const definition = (more: Record<string, unknown> = {}, threads = 3) => ({
  resources: { threads },
  extract: { orders: { connector: "it", partition: { column: "id", size: 2 }, ...more } },
});

const ids = async (project: JobProject) =>
  (await project.rows("SELECT id FROM raw.orders ORDER BY id")).map(({ id }) => id);
const WHOLE = [11, 12, 21, 22, 31, 32, 41, 42];

Deno.test("a stream is read in parts, side by side, and takes its place when all are there", async () => {
  await using project = await JobProject.create();
  const orders = source(new Set());
  const attempt = await project.attempt(orders, definition());
  equal(attempt.error, undefined);
  equal(attempt.steps.get("extract:orders")?.rows, 8);
  deepEqual(orders.asked.toSorted(), PARTS);
  deepEqual(await ids(project), WHOLE);
  deepEqual(await project.rows("SELECT * FROM _sluice.parts"), []);
  deepEqual(await project.rows("SELECT * FROM _sluice.states"), []);
});

Deno.test("the next attempt reads only the parts that are missing, as they were cut the first time", async () => {
  await using project = await JobProject.create();
  await project.attempt(source(new Set()), definition({ partition: undefined }), {}, { runId: "r0" });
  const broken = new Set(["d"]);
  const orders = source(broken);
  const failed = await project.attempt(orders, definition({}, 1), {}, { runId: "r1" });
  ok(failed.error instanceof AppError);
  match(failed.error.message, /the connection was cut/);
  deepEqual(await ids(project), [1, 2], "readers see the old rows");
  broken.clear();
  orders.asked.length = 0;
  const again = await project.attempt(orders, definition({}, 1), {}, { runId: "r1", attempt: 2 });
  equal(again.error, undefined);
  equal(again.steps.get("extract:orders")?.rows, 8);
  deepEqual(orders.asked, ["d"]);
  equal(orders.cuts, 1);
  deepEqual(await ids(project), WHOLE);
});

Deno.test("a stream that keeps its rows is not cut into parts, but the first time and by a full refresh it is", async () => {
  await using project = await JobProject.create();
  const orders = source(new Set());
  const incremental = definition({ mode: "incremental", primary_key: ["id"], update_key: "id" });
  await project.attempt(orders, incremental, {}, { runId: "r1" });
  equal(orders.cuts, 1);
  deepEqual(await project.rows("SELECT state->'cursor'->>'value' AS v FROM _sluice.states"), [{ v: "42" }]);
  await project.attempt(orders, incremental, {}, { runId: "r2" });
  equal(orders.cuts, 1);
  deepEqual(await ids(project), [1, 2, ...WHOLE]);
  await project.attempt(orders, incremental, {}, { runId: "r3", fullRefresh: true });
  equal(orders.cuts, 2);
  deepEqual(await ids(project), WHOLE);
});

Deno.test("a source without parts says so", async () => {
  await using project = await JobProject.create();
  const { read } = source(new Set());
  const attempt = await project.attempt({ read }, definition());
  match(String(attempt.error), /cannot be read in parts; leave out partition/);
});
