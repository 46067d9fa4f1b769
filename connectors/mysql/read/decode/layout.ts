import type { ColumnLayout } from "../../../../kernels/column.ts";
import { KIND } from "../../../../kernels/text_rows.ts";
import type { DecodeKind } from "../types.ts";

/** What the kernel is told of a column of the kind. */
export function layoutOf(decode: DecodeKind): ColumnLayout {
  switch (decode.kind) {
    case "int":
      return integer(decode.sizeBytes, decode.isUnsigned);
    case "int8":
      return integer(8, decode.isUnsigned);
    case "bool":
      return { kind: KIND.bool, bytes: 0 };
    case "bits":
      return { kind: KIND.bits, bytes: 8 };
    case "float4":
      return { kind: KIND.float, bytes: 4 };
    case "float8":
      return { kind: KIND.double, bytes: 8 };
    case "decimal":
      return { kind: KIND.decimal, bytes: 16, parameter: decode.scale, limit: decode.precision };
    case "uuid":
      return { kind: KIND.uuid, bytes: 16 };
    case "date":
      return { kind: KIND.date, bytes: 4, parameter: Number(decode.zeroIsNull) };
    case "timestamp":
    case "timestamptz":
      return { kind: KIND.timestamp, bytes: 8, parameter: Number(decode.zeroIsNull) };
    case "time":
      return { kind: KIND.time, bytes: 8 };
    case "text":
    case "json":
      return { kind: KIND.bytes, bytes: 0, ends: "text" };
    case "bytes":
      return { kind: KIND.bytes, bytes: 0, ends: "bytes" };
  }
}

const integer = (bytes: number, isUnsigned: boolean): ColumnLayout => ({
  kind: KIND.integer,
  bytes,
  parameter: bytes,
  limit: Number(isUnsigned),
});
