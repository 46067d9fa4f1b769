import type { ColumnLayout } from "../../../../kernels/column.ts";
import { KIND } from "../../../../kernels/copy_rows.ts";
import type { DecodeKind } from "../types.ts";

/** What the kernel is told of each kind, and how many bytes its values have; 0 where they have no fixed number. */
const LAYOUT: Readonly<Record<DecodeKind["kind"], ColumnLayout>> = {
  bool: { kind: KIND.bool, bytes: 0 },
  int2: { kind: KIND.word16, bytes: 2 },
  int4: { kind: KIND.word32, bytes: 4 },
  oid: { kind: KIND.word32, bytes: 4 },
  float4: { kind: KIND.word32, bytes: 4 },
  date: { kind: KIND.date, bytes: 4 },
  int8: { kind: KIND.word64, bytes: 8 },
  float8: { kind: KIND.word64, bytes: 8 },
  time: { kind: KIND.word64, bytes: 8 },
  timestamp: { kind: KIND.timestamp, bytes: 8 },
  timestamptz: { kind: KIND.timestamp, bytes: 8 },
  interval: { kind: KIND.interval, bytes: 16 },
  uuid: { kind: KIND.uuid, bytes: 16 },
  numeric: { kind: KIND.numeric, bytes: 16 },
  text: { kind: KIND.bytes, bytes: 0, ends: "text" },
  json: { kind: KIND.bytes, bytes: 0, ends: "text" },
  // There is a version before the text.
  jsonb: { kind: KIND.bytes, bytes: 0, ends: "text", parameter: 1 },
  bytea: { kind: KIND.bytes, bytes: 0, ends: "bytes" },
  list: { kind: KIND.list, bytes: 0, ends: "list" },
};

export function layoutOf(kind: DecodeKind): ColumnLayout {
  const layout = LAYOUT[kind.kind];
  if (kind.kind !== "numeric") return layout;
  const groups = Math.ceil(kind.scale / 4);
  return { ...layout, parameter: groups, limit: 10 ** (groups * 4 - kind.scale) };
}
