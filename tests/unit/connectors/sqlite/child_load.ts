import { Field, makeData, RecordBatch, Schema, Struct, Utf8, vectorFromArray } from "apache-arrow";
import { batchesOf, connectorContext, performLoad, streamOf } from "../../../support/connections.ts";
import { sqlite } from "../../../../connectors/sqlite/connector.ts";

/** Loads one row into data/it.db of the project that it is given; run with narrow permissions. */

const [projectDir = ""] = Deno.args;
const { signal } = new AbortController();
const schema = new Schema([new Field("name", new Utf8(), true)]);
const children = vectorFromArray(["from a child"], new Utf8()).data;
const type = new Struct(schema.fields);
const batch = new RecordBatch(schema, makeData({ type, length: 1, nullCount: 0, children: [...children] }));
const connection = await sqlite.open({ path: "data/it.db" }, connectorContext(projectDir));
await performLoad(connection.destination, {
  loadId: "a",
  target: { table: "t", options: {} },
  mode: "replace",
  primaryKey: [],
  input: {
    schema,
    rows: 1,
    async *batches() {
      yield await Promise.resolve(batch);
    },
    copyTo: () => Promise.reject(new Error("not used")),
  },
}, signal);
const { source } = connection;
if (source === undefined) throw new Error("expected a source");
for await (const read of batchesOf(source.read({ streams: [streamOf(sqlite, { stream: "t" })] }, signal))) {
  if (read.numRows !== 1) throw new Error(`read ${read.numRows} rows`);
}
