import { deepEqual, equal, rejects } from "node:assert/strict";
import { Int32 } from "apache-arrow";
import type {
  DeliveringDestination,
  DeliveryResult,
  LoadInput,
} from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { deliverRows } from "../../../../engine/worker/deliver.ts";
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

/** Delivers to a system that says what `answer` says of each row. */
async function deliver(input: LoadInput, answer: (id: unknown, tries: number) => DeliveryResult) {
  const sent: Sent[] = [];
  const pauses: number[] = [];
  const tries = new Map<unknown, number>();
  const destination: DeliveringDestination = {
    kind: "delivering",
    maxBatchRows: 2,
    deliver(batch, { idempotencyKey }) {
      const ids = rowsOf([batch]).map(([id]) => id);
      sent.push({ key: idempotencyKey, ids });
      return Promise.resolve(ids.map((id) => {
        tries.set(id, (tries.get(id) ?? 0) + 1);
        return answer(id, tries.get(id) ?? 0);
      }));
    },
  };
  const context = {
    signal: never(),
    onProgress: () => {},
    pause: (ms: number) => Promise.resolve(void pauses.push(ms)),
  };
  const request = { target: null, mode: "append", primaryKey: [] } as const;
  const result = await deliverRows(context, destination, "run/load:t->api", request, input)
    .catch((error: unknown) => error);
  return { sent, pauses, result };
}

const OK: DeliveryResult = { type: "ok" };

Deno.test("deliverRows() sends all rows in parts of the system's size, under keys that every attempt has", async () => {
  const first = await deliver(inputOf([1, 2, 3], [4]), () => OK);
  deepEqual(first.sent, [
    { key: "run/load:t->api/0+2", ids: [1, 2] },
    { key: "run/load:t->api/2+1", ids: [3] },
    { key: "run/load:t->api/3+1", ids: [4] },
  ]);
  deepEqual((await deliver(inputOf([1, 2, 3], [4]), () => OK)).sent, first.sent);
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

Deno.test("deliverRows() delivers the others and then names the rows that were rejected", async () => {
  const { sent, result } = await deliver(
    inputOf([1, 2], [3]),
    (id) => (id === 2 ? { type: "rejected", reason: "no such customer" } : OK),
  );
  deepEqual(sent.map(({ ids }) => ids), [[1, 2], [3]]);
  await rejects(Promise.reject(result), {
    code: "invalid",
    message: "1 of 3 rows were rejected, the others are delivered: row 2: no such customer",
  });
});
