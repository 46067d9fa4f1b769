import { deepEqual, equal } from "node:assert/strict";
import { Int32, type RecordBatch, Table, Utf8, vectorFromArray } from "apache-arrow";
import * as v from "valibot";
import type { Change, ChangeOperation } from "../../../../../contract/connector/changes.ts";
import type { Source } from "../../../../../contract/connector/source.ts";
import { streamSchema } from "../../../../../contract/pipeline/stream.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { prepareWarehouse } from "../../../../../engine/warehouse/warehouse.ts";
import { ChangeSink } from "../../../../../engine/worker/changes/change_sink.ts";
import { StreamShape } from "../../../../../engine/worker/extract/stream_shape.ts";

const SOURCE: Source = {
  pushdown: { columns: true, where: true },
  describe: () => Promise.reject(new Error("nobody asks")),
  read: () => {
    throw new Error("nobody reads");
  },
};

/** Each with a schema of its own, as sources give them. */
function batchOf(rows: readonly (readonly [number, string | null])[]): RecordBatch {
  const table = new Table({
    id: vectorFromArray(rows.map(([id]) => id), new Int32()),
    name: vectorFromArray(rows.map(([, name]) => name), new Utf8()),
  });
  const [batch] = table.batches;
  if (batch === undefined) throw new Error("there is no batch");
  return batch;
}

const changesOf = (operations: readonly ChangeOperation[]): Change[] =>
  operations.map((operation) => ({ operation, transaction: { position: "0/1", committedAtUs: 1_000_000n } }));

async function withSink(work: (sink: ChangeSink, session: DuckSession) => Promise<void>): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await prepareWarehouse(session);
  const stream = v.parse(streamSchema, { connector: "shop", stream: "orders", mode: "cdc" });
  await using transaction = await session.begin();
  await using sink = await ChangeSink.open({
    session,
    name: "orders",
    stream,
    shape: new StreamShape("orders", stream, undefined),
    source: SOURCE,
    runId: "r",
    fullRefresh: false,
    onProgress: () => {},
  });
  await sink.begin();
  await sink.takeRows(batchOf([[1, "one"], [2, "two"], [3, "three"]]));
  await sink.settle();
  await work(sink, session);
  await transaction.commit();
}

const rowsOf = async (session: DuckSession) =>
  (await session.rows("SELECT * FROM raw.orders ORDER BY id")).map(({ id, name }) => [id, name]);

/** Takes rows, each with what was done to it. */
const takingChanges =
  (sink: ChangeSink) =>
  (rows: readonly (readonly [number, string | null])[], operations: readonly ChangeOperation[]) =>
    sink.takeChanges({
      type: "changes",
      stream: "orders",
      primaryKey: [0],
      batch: batchOf(rows),
      changes: changesOf(operations),
    });

Deno.test("batches of one shape wait together until they are settled, and the last change of a row counts", () =>
  withSink(async (sink, session) => {
    const take = takingChanges(sink);
    await take([[1, "uno"], [4, "four"]], ["update", "insert"]);
    await take([[2, null], [1, "un"]], ["delete", "update"]);
    await take([[4, null], [4, "vier"]], ["delete", "insert"]);
    await sink.pause();
    // Nothing is applied yet: a transaction of any size costs one look at the table.
    deepEqual(await rowsOf(session), [[1, "one"], [2, "two"], [3, "three"]]);
    const [staged] = await session.rows(`SELECT count(*) AS n FROM _sluice."changes orders"`);
    equal(staged?.["n"], 6);
    await sink.settle();
    deepEqual(await rowsOf(session), [[1, "un"], [3, "three"], [4, "vier"]]);
    equal(sink.lastChangeMs, 1_000);
  }));

Deno.test("changes before a truncate of the same batch, and of one before, leave nothing", () =>
  withSink(async (sink, session) => {
    const take = takingChanges(sink);
    await take([[5, "five"]], ["insert"]);
    await take([[6, "six"], [0, null], [7, "seven"]], ["insert", "truncate", "insert"]);
    await take([[8, "eight"]], ["insert"]);
    await sink.settle();
    deepEqual(await rowsOf(session), [[7, "seven"], [8, "eight"]]);
  }));
