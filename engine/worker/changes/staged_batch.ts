import {
  type Data,
  Field,
  Int64,
  Int8,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import type { Change } from "../../../contract/connector/changes.ts";
import { operationCode, STAGE } from "../../warehouse/change_stage.ts";

/** The rows with what their changes were beside them, as a stage holds them; `first` is the first one's sequence. */
export function stagedBatch(batch: RecordBatch, changes: readonly Change[], first: number): RecordBatch {
  const length = batch.numRows;
  const own: readonly (readonly [string, Data])[] = [
    [STAGE.sequence, int64(changes.map((_, i) => BigInt(first + i)))],
    [STAGE.operation, int8(changes.map(({ operation }) => operationCode(operation)))],
    [STAGE.moved, int8(changes.map(({ isMoved }) => isMoved === true ? 1 : 0))],
    [
      STAGE.unchanged,
      text(changes.map(({ unchanged }) => unchanged === undefined ? null : `,${unchanged},`)),
    ],
    [STAGE.position, text(changes.map(({ transaction }) => transaction.position))],
    [STAGE.committedAt, timestamps(changes.map(({ transaction }) => transaction.committedAtUs))],
  ];
  const fields = [...batch.schema.fields, ...own.map(([name, { type }]) => new Field(name, type, true))];
  const children = [...batch.data.children, ...own.map(([, data]) => data)];
  const type = new Struct(fields);
  return new RecordBatch(new Schema(fields), makeData({ type, length, nullCount: 0, children }));
}

function int64(values: readonly bigint[]): Data {
  return makeData({
    type: new Int64(),
    length: values.length,
    nullCount: 0,
    data: BigInt64Array.from(values),
  });
}

function int8(values: readonly number[]): Data {
  return makeData({ type: new Int8(), length: values.length, nullCount: 0, data: Int8Array.from(values) });
}

function timestamps(values: readonly (bigint | null)[]): Data {
  const data = BigInt64Array.from(values, (value) => value ?? 0n);
  return makeData({ type: new TimestampMicrosecond("UTC"), length: values.length, ...nullsOf(values), data });
}

function text(values: readonly (string | null)[]): Data {
  const encoder = new TextEncoder();
  // Changes of one transaction say the same.
  let [last, bytes] = ["", encoder.encode("")];
  const parts = values.map((value) => {
    if ((value ?? "") !== last) [last, bytes] = [value ?? "", encoder.encode(value ?? "")];
    return bytes;
  });
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [i, part] of parts.entries()) valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + part.length;
  const data = new Uint8Array(valueOffsets[values.length] ?? 0);
  for (const [i, part] of parts.entries()) data.set(part, valueOffsets[i]);
  return makeData({ type: new Utf8(), length: values.length, ...nullsOf(values), valueOffsets, data });
}

function nullsOf(
  values: readonly unknown[],
): { readonly nullCount: number; readonly nullBitmap?: Uint8Array } {
  const nullCount = values.filter((value) => value === null).length;
  if (nullCount === 0) return { nullCount };
  const nullBitmap = new Uint8Array((values.length + 7) >> 3);
  for (const [i, value] of values.entries()) {
    if (value !== null) nullBitmap[i >> 3] = (nullBitmap[i >> 3] ?? 0) | (1 << (i & 7));
  }
  return { nullCount, nullBitmap };
}
