import { isUnsigned } from "../../read/types.ts";
import { typeNumbers } from "../column_facts.ts";
import type { LoggedColumn } from "./logged_column.ts";
import type { ServerTexts } from "./server_texts.ts";
import type { TextRowWriter } from "./text_row_writer.ts";
import {
  bigEndian,
  decimalText,
  doubleText,
  fixedText,
  littleEndian,
  longText,
  smallLittleEndian,
} from "./number_text.ts";
import { BINLOG_TYPE, type PhysicalColumn } from "../log/table_map.ts";
import {
  dateText,
  datetimeText,
  epochText,
  oldDatetimeText,
  oldTimeText,
  timestampText,
  timeText,
} from "./time_text.ts";

/**
 * Values of the log are binary, and a result's are text. Here the one becomes what the server would have sent
 * for the column's SELECT, so that the same decoders read both and the same value ends as the same value.
 */

/** Decimals of a DOUBLE that is declared without any. */
const NO_DECIMALS = 31;
const EMPTY = new Uint8Array(0);
const SPACE = 0x20;

/** Writes a value; `texts` knows those of its texts that only the server does. Throws RangeError for one that is none. */
export function writeValue(
  out: TextRowWriter,
  column: LoggedColumn,
  physical: PhysicalColumn,
  raw: Uint8Array,
  texts: ServerTexts,
): void {
  const { type, meta } = physical;
  switch (type) {
    case BINLOG_TYPE.tiny:
    case BINLOG_TYPE.short:
    case BINLOG_TYPE.int24:
    case BINLOG_TYPE.long:
      return out.ascii(padded(column, String(smallLittleEndian(raw, !isUnsigned(column.source)))));
    case BINLOG_TYPE.longlong:
      return out.ascii(padded(column, longText(raw, !isUnsigned(column.source))));
    case BINLOG_TYPE.year:
      return out.ascii(yearText(column, raw[0] ?? 0));
    case BINLOG_TYPE.float:
      return out.ascii(doubleText(viewOf(raw).getFloat32(0, true)));
    case BINLOG_TYPE.double:
      return out.ascii(realText(column, viewOf(raw).getFloat64(0, true)));
    case BINLOG_TYPE.decimal:
      return out.ascii(decimalText(raw, meta >> 8, meta & 0xff, column.zerofill !== undefined));
    case BINLOG_TYPE.bit:
      return column.isText ? out.ascii(String(bigEndian(raw))) : out.value(raw);
    case BINLOG_TYPE.date:
    case BINLOG_TYPE.newdate:
      return out.ascii(dateText(raw));
    case BINLOG_TYPE.time:
      return out.ascii(oldTimeText(smallLittleEndian(raw, true)));
    case BINLOG_TYPE.datetime:
      return out.ascii(oldDatetimeText(littleEndian(raw, false)));
    case BINLOG_TYPE.timestamp:
      return out.ascii(epochText(smallLittleEndian(raw, false)));
    case BINLOG_TYPE.time2:
      return out.ascii(timeText(raw, meta));
    case BINLOG_TYPE.datetime2:
      return out.ascii(datetimeText(raw, meta));
    case BINLOG_TYPE.timestamp2:
      return out.ascii(timestampText(raw, meta));
    case BINLOG_TYPE.enum: {
      const place = smallLittleEndian(raw, false);
      // 0 stands for a text that was none of the labels.
      return out.value(place === 0 ? EMPTY : column.labels[place - 1] ?? noLabel());
    }
    case BINLOG_TYPE.set:
      return out.value(setText(column.labels, littleEndian(raw, false)));
    case BINLOG_TYPE.string:
      if (column.source.typeName === "uuid") return out.ascii(uuidText(fullLength(raw, meta)));
      if (texts.isAsked(column, physical)) return out.value(texts.known(column, physical, raw));
      if (column.facts.charset === null) return out.value(fullLength(raw, meta));
      return out.value(texts.text(column, physical, withoutPadding(raw)));
    default:
      if (texts.isAsked(column, physical)) return out.value(texts.known(column, physical, raw));
      return out.value(texts.text(column, physical, raw));
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

/** ZEROFILL is a width that zeros fill. */
const padded = ({ zerofill }: LoggedColumn, text: string): string =>
  zerofill === undefined ? text : text.padStart(zerofill, "0");

const FIRST_YEAR = 1900;

function yearText({ facts }: LoggedColumn, value: number): string {
  if (typeNumbers(facts)[0] === 2) return String(value % 100).padStart(2, "0");
  return value === 0 ? "0000" : String(FIRST_YEAR + value);
}

function realText(column: LoggedColumn, value: number): string {
  const { decimals } = column.source;
  return padded(column, decimals >= NO_DECIMALS ? doubleText(value) : fixedText(value, decimals));
}

function setText(labels: readonly Uint8Array[], bits: bigint): Uint8Array {
  const chosen = labels.filter((_, i) => (bits >> BigInt(i) & 1n) === 1n);
  if (bits >> BigInt(labels.length) !== 0n) return noLabel();
  const bytes = new Uint8Array(
    chosen.reduce((sum, label) => sum + label.length + 1, chosen.length > 0 ? -1 : 0),
  );
  let at = 0;
  for (const label of chosen) {
    if (at > 0) bytes[at - 1] = 0x2c;
    bytes.set(label, at);
    at += label.length + 1;
  }
  return bytes;
}

function noLabel(): never {
  throw new RangeError("has a value in the log that is none of its labels");
}

/** The log leaves out what fills a text or bytes of a fixed length up. */
function fullLength(raw: Uint8Array, length: number): Uint8Array {
  if (raw.length === length) return raw;
  const bytes = new Uint8Array(length);
  bytes.set(raw);
  return bytes;
}

/** What fills a CHAR up is no part of it. */
const withoutPadding = (raw: Uint8Array): Uint8Array =>
  raw.at(-1) === SPACE ? raw.subarray(0, raw.findLastIndex((byte) => byte !== SPACE) + 1) : raw;

/** Where the parts of a UUID stand in MariaDB's rows, so that those with a time are ordered by it. */
const UUID_PARTS = [[12, 16], [10, 12], [8, 10], [6, 8], [0, 6]] as const;

function uuidText(raw: Uint8Array): string {
  const isTurned = ((raw[6] ?? 0) & 0x80) !== 0 && (-(((raw[8] ?? 0) << 24) >> 24) & 0x80) !== 0;
  const plain = [[0, 4], [4, 6], [6, 8], [8, 10], [10, 16]] as const;
  return (isTurned ? UUID_PARTS : plain).map(([from, to]) => raw.subarray(from, to).toHex()).join("-");
}
