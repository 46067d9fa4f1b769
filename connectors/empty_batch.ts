import { makeData, RecordBatch, type Schema, Struct } from "apache-arrow";

/** A batch of no rows, which tells the columns. Arrow's own has no data where a schema is all it is given. */
export function emptyBatch(schema: Schema): RecordBatch {
  const children = schema.fields.map(({ type }) => makeData({ type, length: 0, nullCount: 0 }));
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: 0, nullCount: 0, children }),
  );
}
