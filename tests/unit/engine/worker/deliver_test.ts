import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { Int32 } from "apache-arrow";
import type {
  DeliveringDestination,
  DeliveryResult,
  LoadDelivery,
  LoadInput,
} from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { deliverRows } from "../../../../engine/worker/deliver.ts";
import type { RejectedRow } from "../../../../engine/worker/loads/rejected_rows.ts";
import { batchOf, rowsOf, schemaOf, testColumn } from "../../../support/arrow_rows.ts";
import { never } from "../../../support/connections.ts";

const columns = (ids: readonly number[]) => [testColumn("id", new Int32(), ids)];

function inputOf(...batches: readonly (readonly number[])[]): LoadInput {
  return {
    schema: schemaOf(columns([])),
    rows: batches.flat().length,
    async *batches() {
      for (const ids of batches) yield await Promise.resolve(batchOf(columns(ids)));
    },
    copyTo: () => Promise.reject(new Error("not used")),
    hash: () => Promise.resolve("00ff"),
  };
}

interface Sent {
  readonly key: string;
  readonly ids: readonly unknown[];
}

const requestOf = (primaryKey: readonly string[] = []): LoadDelivery => ({
  loadId: "run/load:t->api",
  target: null,
  mode: "append",
  primaryKey,
  run: { runId: "run", pipeline: "p", params: {}, windowStartMs: null, windowEndMs: 0 },
  log: () => {},
});

/** Delivers to a system that says what `answer` says of each row. */
async function deliver(
  input: LoadInput,
  answer: (id: unknown, tries: number) => DeliveryResult,
  { maxRejects = 0, primaryKey = [] }: { maxRejects?: number | string; primaryKey?: readonly string[] } = {},
) {
  const sent: Sent[] = [];
  const pauses: number[] = [];
  const log: string[] = [];
  const kept: RejectedRow[] = [];
  const tries = new Map<unknown, number>();
  const destination: DeliveringDestination = {
    kind: "delivering",
    batchRows: () => 2,
    deliver(batches, { idempotencyKey }) {
      const ids = rowsOf(batches).map(([id]) => id);
      sent.push({ key: idempotencyKey, ids });
      return Promise.resolve(ids.map((id) => {
        tries.set(id, (tries.get(id) ?? 0) + 1);
        return answer(id, tries.get(id) ?? 0);
      }));
    },
  };
  const context = {
    signal: never(),
    maxRejects,
    log: (_: unknown, message: string) => void log.push(message),
    onDelivered: () => {},
    pause: (ms: number) => Promise.resolve(void pauses.push(ms)),
    keep: (rejected: readonly RejectedRow[]) => Promise.resolve(void kept.push(...rejected)),
  };
  const request = requestOf(primaryKey);
  const result = await deliverRows(context, destination, request, input)
    .catch((error: unknown) => error);
  return { sent, pauses, result, log, kept };
}

const OK: DeliveryResult = { type: "ok" };

Deno.test("deliverRows() sends all rows in parts of the system's size, under keys that every attempt has", async () => {
  const first = await deliver(inputOf([1, 2, 3], [4, 5]), () => OK);
  deepEqual(first.sent, [
    { key: "run/load:t->api/0+2", ids: [1, 2] },
    { key: "run/load:t->api/2+2", ids: [3, 4] },
    { key: "run/load:t->api/4+1", ids: [5] },
  ]);
  // The same rows may come in other batches.
  deepEqual((await deliver(inputOf([1], [2, 3], [4, 5]), () => OK)).sent, first.sent);
});

Deno.test("deliverRows() has as many deliveries go on at a time as the system takes, and keeps the order of results", async () => {
  const begun: string[] = [];
  const traffic: number[] = [];
  const kept: RejectedRow[] = [];
  const waiting: (() => void)[] = [];
  let most = 0;
  let going = 0;
  const destination: DeliveringDestination = {
    kind: "delivering",
    batchRows: () => 2,
    deliveriesAtOnce: () => 3,
    async deliver(batches, { idempotencyKey, onTraffic }) {
      begun.push(idempotencyKey.split("/").at(-1) ?? "");
      most = Math.max(most, ++going);
      onTraffic?.({ requests: 1, pages: 0, retries: 0, redirects: 0, waited_ms: 0 });
      // The last of three that have begun ends first.
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      if (waiting.length === 3) { for (const end of waiting.splice(0).toReversed()) queueMicrotask(end); }
      await promise;
      going -= 1;
      return rowsOf(batches).map(([id]) =>
        id === 1 || id === 6 ? { type: "rejected", reason: `no ${id}` } : OK
      );
    },
  };
  const receipt = await deliverRows(
    {
      signal: never(),
      maxRejects: 2,
      log: () => {},
      onDelivered: () => {},
      pause: () => Promise.resolve(),
      onTraffic: ({ requests }) => void traffic.push(requests),
      keep: (rejected) => Promise.resolve(void kept.push(...rejected)),
    },
    destination,
    requestOf(["id"]),
    inputOf([1, 2, 3], [4, 5, 6]),
  );
  deepEqual([begun, most], [["0+2", "2+2", "4+2"], 3]);
  deepEqual([receipt.rows, receipt.rejects, traffic.at(-1)], [6, 2, 3]);
  deepEqual(kept.map(({ reason }) => reason), ["no 1", "no 6"]);
});

Deno.test("deliverRows() begins no delivery after one that failed, and ends those that go on", async () => {
  const begun: number[] = [];
  let ended = 0;
  const destination: DeliveringDestination = {
    kind: "delivering",
    batchRows: () => 1,
    deliveriesAtOnce: () => 2,
    async deliver(batches, _, signal) {
      const id = Number(rowsOf(batches)[0]?.[0]);
      begun.push(id);
      if (id === 2) throw new AppError("forbidden", "no more");
      await new Promise((_, fail) =>
        signal.addEventListener("abort", () => fail(signal.reason), { once: true })
      )
        .finally(() => ended += 1);
      return [OK];
    },
  };
  const failed = deliverRows(
    {
      signal: never(),
      maxRejects: 0,
      log: () => {},
      onDelivered: () => {},
      pause: () => Promise.resolve(),
      keep: () => Promise.resolve(),
    },
    destination,
    requestOf(),
    inputOf([1, 2, 3, 4]),
  );
  await rejects(failed, /no more/);
  deepEqual([begun, ended], [[1, 2], 1]);
});

Deno.test("deliverRows() sends again only rows that the system may take later, with growing pauses", async () => {
  const { sent, pauses, result } = await deliver(
    inputOf([1, 2]),
    (id, tries) => (id === 2 && tries < 3 ? { type: "retryable", reason: "too many requests" } : OK),
  );
  deepEqual(sent.map(({ ids }) => ids), [[1, 2], [2], [2]]);
  deepEqual(pauses, [500, 1_000]);
  equal(result instanceof AppError, false);
});

Deno.test("deliverRows() gives up on rows that are never taken, and says why", async () => {
  const { sent, result } = await deliver(inputOf([1]), () => ({ type: "retryable", reason: "busy" }));
  equal(sent.length, 5);
  await rejects(Promise.reject(result), {
    code: "unavailable",
    message: "1 rows were not taken in 5 tries: row 1: busy",
  });
});

const REJECTED: DeliveryResult = { type: "rejected", reason: "no such customer" };

Deno.test("deliverRows() stops where more rows are rejected than the load lets it, and keeps them", async () => {
  const { sent, result, kept } = await deliver(
    inputOf([1, 2], [3]),
    (id) => (id === 2 ? REJECTED : OK),
  );
  deepEqual(sent.map(({ ids }) => ids), [[1, 2]]);
  deepEqual(kept, [{ position: "row 2", reason: "no such customer", row: '{"id":2}' }]);
  await rejects(Promise.reject(result), {
    code: "invalid",
    message: "1 of 2 rows were rejected (max_rejects is 0), the rows behind them were not sent: " +
      "row 2: no such customer",
  });
});

Deno.test("deliverRows() goes on where the load lets rows be rejected, and counts and names them", async () => {
  const { sent, result, kept, log } = await deliver(
    inputOf([1, 2], [3]),
    (id) => (id === 2 ? REJECTED : OK),
    { maxRejects: 1, primaryKey: ["id"] },
  );
  deepEqual(sent.map(({ ids }) => ids), [[1, 2], [3]]);
  deepEqual(kept.map(({ position }) => position), ["id 2"]);
  deepEqual(log, ["Rejected: id 2: no such customer"]);
  ok(typeof result === "object" && result !== null && "rejects" in result && "rows" in result);
  deepEqual([result.rows, result.rejects], [3, 1]);
});

Deno.test("deliverRows() judges a share of rejected rows when all others are delivered", async () => {
  const answer = (id: unknown) => (id === 2 ? REJECTED : OK);
  const { sent, result } = await deliver(inputOf([1, 2], [3]), answer, { maxRejects: "20%" });
  equal(sent.length, 2);
  await rejects(Promise.reject(result), {
    code: "invalid",
    message: /1 of 3 rows .* the others are delivered/,
  });
  const { result: enough } = await deliver(inputOf([1, 2], [3]), answer, { maxRejects: "40%" });
  equal(enough instanceof AppError, false);
});

Deno.test("deliverRows() lets the system finish when every row is taken, and fails where it cannot", async () => {
  const told: string[] = [];
  const run = (input: LoadInput, finish: () => Promise<void>) =>
    deliverRows(
      {
        signal: never(),
        maxRejects: 0,
        log: () => {},
        onDelivered: () => {},
        pause: () => Promise.resolve(),
        keep: () => Promise.resolve(),
      },
      {
        kind: "delivering",
        batchRows: () => 2,
        deliver: (batches) => {
          told.push("deliver");
          return Promise.resolve(rowsOf(batches).map(() => OK));
        },
        finish: ({ loadId }) => {
          told.push(loadId);
          return finish();
        },
      },
      requestOf(),
      input,
    );
  await run(inputOf([1, 2, 3]), () => Promise.resolve());
  deepEqual(told.splice(0), ["deliver", "deliver", "run/load:t->api"]);
  await rejects(
    run(inputOf([1]), () => Promise.reject(new AppError("unavailable", "not flushed"))),
    /not flushed/,
  );
  deepEqual(told.splice(0), ["deliver", "run/load:t->api"]);
  await run(inputOf([]), () => Promise.resolve());
  deepEqual(told, []);
});
