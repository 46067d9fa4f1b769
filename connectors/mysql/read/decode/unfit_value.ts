import type { DecodeKind } from "../types.ts";

/** The servers take surrogates into columns of utf8mb3, which UTF-8 does not have. */
export const NOT_UTF8 = "is not UTF-8; read it as bytes in a query, as CAST(… AS BINARY)";

const MAX_SHOWN = 40;
const latin1 = new TextDecoder("latin1");

/** `is "2024-02-30", a date that is in no calendar; …` */
export function whyUnfit(kind: DecodeKind, value: Uint8Array): string {
  const text = latin1.decode(value.subarray(0, MAX_SHOWN + 1));
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return `is ${JSON.stringify(shown)}, ${whatFor(kind)}`;
}

function whatFor(decode: DecodeKind): string {
  switch (decode.kind) {
    case "date":
    case "timestamp":
    case "timestamptz":
      return "a date that is in no calendar; set zero_dates: null or zero_dates: text in the stream's options";
    case "time":
      return "which is no time of a day; read it as text with the stream's option text_columns";
    case "decimal":
      return `which DECIMAL(${decode.precision},${decode.scale}) cannot hold`;
    case "uuid":
      return "which is no UUID";
    default:
      return "which its type cannot hold";
  }
}
