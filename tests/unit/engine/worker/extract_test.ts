import { Float64 } from "apache-arrow";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ReadMessage, ReadRequest, StreamRequest } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { JsonValue } from "../../../../contract/json.ts";
import { batchOf, testColumn } from "../../../support/arrow_rows.ts";
import { type Attempt, JobProject, rows } from "./job_fixture.ts";

const ORDERS = "SELECT * FROM raw.orders ORDER BY ALL";
const LEFT =
  `SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '%orders%' AND table_name != 'orders'`;

const state = (value: JsonValue): ReadMessage => ({ type: "state", stream: "orders", state: value });
const reject = (position: string): ReadMessage => ({
  type: "reject",
  stream: "orders",
  reject: { reason: `"x" does not fit`, position, row: { id: 9, x: "ü" } },
});

/** Reads what each call of `read` is told to give, and notes what it was asked for. */
function source(...reads: readonly (readonly (ReadMessage | Error)[])[]) {
  const asked: StreamRequest[] = [];
  return {
    asked,
    async *read({ streams }: ReadRequest): AsyncIterable<ReadMessage> {
      const [stream] = streams;
      if (stream !== undefined) asked.push(stream);
      for (const message of reads[asked.length - 1] ?? []) {
        if (message instanceof Error) throw message;
        yield await Promise.resolve(message);
      }
    },
  };
}

const cut = () => new AppError("unavailable", "the connection was cut");
const extract = (more: Record<string, unknown> = {}) => ({
  extract: { orders: { connector: "it", ...more } },
});
const step = (attempt: Attempt) => attempt.steps.get("extract:orders");
const incremental = { mode: "incremental", primary_key: ["id"], update_key: "id" };

Deno.test("an append stream commits its rows with each state, and the next attempt goes on from the last", async () => {
  await using project = await JobProject.create();
  const orders = source(
    [rows("orders", [1, "a"]), state({ page: 1 }), rows("orders", [2, "b"]), state({ page: 2 })],
    [
      rows("orders", [3, "c"]),
      state({ page: 3 }),
      rows("orders", [4, "d"]),
      cut(),
    ],
    [rows("orders", [4, "d"]), rows("orders", [1, "a"])],
    [rows("orders")],
  );
  await project.attempt(orders, extract({ mode: "append" }), {}, { runId: "r0" });
  const failed = await project.attempt(orders, extract({ mode: "append" }), {}, { runId: "r1" });
  ok(failed.error instanceof AppError);
  equal(step(failed)?.state, "failed");
  deepEqual((await project.rows(ORDERS)).map(({ id }) => id), [1, 2, 3], "row 4 came after the last state");
  const again = await project.attempt(orders, extract({ mode: "append" }), {}, { runId: "r1", attempt: 2 });
  equal(again.error, undefined);
  equal(step(again)?.rows, 3, "rows of both attempts of the run");
  await project.attempt(orders, extract({ mode: "append" }), {}, { runId: "r2" });
  deepEqual(orders.asked.map(({ state }) => state), [undefined, { page: 2 }, { page: 3 }, { page: 3 }]);
  deepEqual((await project.rows(ORDERS)).map(({ id }) => id), [1, 1, 2, 3, 4], "the source says what is new");
  deepEqual(await project.rows(LEFT), []);
});

Deno.test("a full stream with states grows beside its table, and takes its place when it is whole", async () => {
  await using project = await JobProject.create();
  const orders = source(
    [rows("orders", [1, "old"])],
    [rows("orders", [2, "b"]), state(1), rows("orders", [3, "c"]), state(2), rows("orders", [4, "d"]), cut()],
    [rows("orders", [4, "d"])],
    [rows("orders", [7, "x"]), state(1), cut()],
    [rows("orders", [8, "y"])],
  );
  await project.attempt(orders, extract(), {}, { runId: "r0" });
  const failed = await project.attempt(orders, extract(), {}, { runId: "r1" });
  equal(step(failed)?.state, "failed");
  deepEqual((await project.rows(ORDERS)).map(({ id }) => id), [1], "readers see the old rows");
  const again = await project.attempt(orders, extract(), {}, { runId: "r1", attempt: 2 });
  equal(again.error, undefined);
  deepEqual((await project.rows(ORDERS)).map(({ id }) => id), [2, 3, 4]);
  await project.attempt(orders, extract(), {}, { runId: "r2" });
  await project.attempt(orders, extract(), {}, { runId: "r3" });
  deepEqual(
    (await project.rows(ORDERS)).map(({ id }) => id),
    [8],
    "another run does not go on from a failed one",
  );
  deepEqual(orders.asked.map(({ state }) => state), [undefined, undefined, 2, undefined, undefined]);
  deepEqual(await project.rows(LEFT), []);
  deepEqual(await project.rows("SELECT * FROM _sluice.states"), []);
});

Deno.test("a full refresh of an incremental stream that fails keeps the rows and the cursor that are there", async () => {
  await using project = await JobProject.create();
  const orders = source(
    [rows("orders", [1, "a"], [2, "b"])],
    [rows("orders", [5, "e"]), state("half"), cut()],
    [rows("orders", [2, "B"], [3, "c"])],
  );
  await project.attempt(orders, extract(incremental), {}, { runId: "r0" });
  await project.attempt(orders, extract(incremental), {}, { runId: "r1", fullRefresh: true });
  await project.attempt(orders, extract(incremental), {}, { runId: "r2" });
  deepEqual((await project.rows(ORDERS)).map(({ id, x }) => `${id}${x}`), ["1a", "2B", "3c"]);
  deepEqual(orders.asked.map(({ cursor }) => cursor?.value), [undefined, undefined, "2"]);
  deepEqual(orders.asked.map(({ state }) => state), [undefined, undefined, undefined]);
});

Deno.test("rejects are kept with their reasons in the rows' own transaction, and counted on the step", async () => {
  await using project = await JobProject.create();
  const orders = source(
    [rows("orders", [1, "a"]), reject("line 2"), state(1), reject("line 3"), cut()],
    [reject("line 3"), rows("orders", [4, "d"])],
  );
  const failed = await project.attempt(orders, extract({ max_rejects: 2 }));
  equal(step(failed)?.state, "failed");
  deepEqual(await project.rows("SELECT position FROM _sluice.rejects"), [{ position: "line 2" }]);
  const again = await project.attempt(orders, extract({ max_rejects: 2 }), {}, { attempt: 2 });
  equal(again.error, undefined);
  deepEqual([step(again)?.rows, step(again)?.rejects], [2, 2]);
  deepEqual(
    await project.rows(
      `SELECT stream, run_id, attempt, reason, position, "row" FROM _sluice.rejects ORDER BY position`,
    ),
    ["line 2", "line 3"].map((position, i) => ({
      stream: "orders",
      run_id: "run1",
      attempt: i + 1,
      reason: `"x" does not fit`,
      position,
      row: `{"id":9,"x":"ü"}`,
    })),
  );
});

Deno.test("the first reject too many fails the step with its place and reason", async () => {
  await using project = await JobProject.create();
  const orders = source([reject("line 7")], [reject("line 1"), reject("line 2")]);
  const none = await project.attempt(orders, extract());
  match(step(none)?.error?.message ?? "", /^Stream "orders": line 7: "x" does not fit$/);
  match(step(none)?.error?.detail ?? "", /max_rejects/);
  const one = await project.attempt(orders, extract({ max_rejects: 1 }));
  match(step(one)?.error?.message ?? "", /line 2: .*1 rows before it; max_rejects is 1/);
  deepEqual(await project.rows("SELECT * FROM _sluice.rejects"), []);
});

Deno.test("an infinite update_key stops no stream: it is passed by with a warning", async () => {
  await using project = await JobProject.create();
  const system = source([rows("orders", [1, "a"])]);
  const attempt = await project.attempt(system, extract());
  equal(attempt.error, undefined);
  const warned = await project.attempt(
    {
      async *read() {
        const batch = batchOf([testColumn("id", new Float64(), [1, 2, Infinity])]);
        yield await Promise.resolve({ type: "rows" as const, stream: "f", batch });
      },
    },
    { extract: { f: { connector: "it", ...incremental } } },
    {},
    { runId: "r2" },
  );
  equal(warned.error, undefined);
  deepEqual(await project.rows("SELECT state->'cursor'->>'value' AS v FROM _sluice.states"), [{ v: "2.0" }]);
  ok(
    warned.reports.some((report) =>
      report.type === "log" && /1 row has an infinite or NaN id/.test(report.message)
    ),
  );
});

Deno.test("a source that gives nothing at all, or rows of another stream, is a fault of its connector", async () => {
  await using project = await JobProject.create();
  const silent = await project.attempt(source([]), extract());
  match(step(silent)?.error?.message ?? "", /no batch, not even an empty one/);
  const astray = await project.attempt(source([rows("others", [1, "a"])]), extract());
  match(step(astray)?.error?.message ?? "", /stream "others", which nobody asked for/);
});

Deno.test("keys that come twice in a full read are told, and kept", async () => {
  await using project = await JobProject.create();
  const twice = [rows("orders", [1, "a"], [2, "b"], [1, "c"], [2, "b"], [3, "d"], [1, "a"])];
  const full = extract({ primary_key: ["id"] });
  const read = await project.attempt(source(twice), full, {}, { runId: "r0" });
  equal((await project.rows(ORDERS)).length, 6);
  const warnings = ({ reports }: Attempt) =>
    reports.flatMap((one) => one.type === "log" && /more than once/.test(one.message) ? [one.message] : []);
  match(
    warnings(read).join("\n"),
    /2 keys \(id\) are there more than once, in 5 rows, as 1: mode full keeps/,
  );
  const once = await project.attempt(source([rows("orders", [1, "a"], [2, "a"])]), full, {}, { runId: "r1" });
  const none = await project.attempt(source(twice), extract(), {}, { runId: "r2" });
  deepEqual([once, none].flatMap(warnings), []);
});
