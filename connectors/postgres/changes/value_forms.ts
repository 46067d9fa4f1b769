import type { PlannedColumn } from "../read/plan.ts";
import { readArray } from "./array_text.ts";
import { writeArray, writeBinary, writeNumeric } from "./binary_values.ts";
import type { WireWriter } from "./wire_writer.ts";

/** A column of the log, and how a snapshot would have selected it. */
export interface LoggedColumn extends PlannedColumn {
  /** Stands between the elements of the type's arrays. */
  readonly delimiter: string;
  /** Digits behind the point of this server's money. */
  readonly moneyScale: number;
}

const BOOL = 16;
const BPCHAR = 1042;
const INET = 869;
const INET_ARRAY = 1041;
const BPCHAR_ARRAY = 1014;
const BOOL_ARRAY = 1000;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Writes a value as the column's SELECT would give it in binary, casts included, without its length. The
 * log has the text of the type's output function, and a few types have a cast to text that says more or
 * less than that.
 */
export function writeValue(out: WireWriter, column: LoggedColumn, text: Uint8Array): void {
  const { casts, decode, delimiter, moneyScale, type: { oid } } = column;
  switch (casts.join()) {
    case "":
      return writeBinary(out, decode, text, delimiter);
    case "text":
      return out.bytes(castToText(oid, text));
    case "text[]":
      return writeElements(out, text, delimiter, (element) => castToText(elementOf(oid), element));
    case "numeric":
      return writeNumeric(out, encoder.encode(moneyNumber(decoder.decode(text), moneyScale)));
    case "numeric[]": {
      if (decode.kind !== "list") throw new TypeError("expected a list of amounts");
      const array = readArray(decoder.decode(text), delimiter);
      const elements = array.elements.map((element) =>
        element === null ? null : encoder.encode(moneyNumber(element, moneyScale))
      );
      return writeArray(out, { ...array, elements }, decode.element);
    }
    case "numeric,text":
      return out.bytes(encoder.encode(moneyNumber(decoder.decode(text), moneyScale)));
    case "numeric[],text": {
      const [bounds = "", elements = ""] = splitBounds(decoder.decode(text));
      const amounts = elements.replace(
        /"[^"]*"|[^{},]+/g,
        (element) => element === "NULL" ? element : moneyNumber(element, moneyScale),
      );
      return out.bytes(encoder.encode(bounds + amounts));
    }
    default:
      throw new TypeError(`no way to cast a value of the log by ${casts.join()}`);
  }
}

function writeElements(
  out: WireWriter,
  text: Uint8Array,
  delimiter: string,
  cast: (element: Uint8Array) => Uint8Array,
): void {
  const array = readArray(decoder.decode(text), delimiter);
  const elements = array.elements.map((element) => element === null ? null : cast(encoder.encode(element)));
  writeArray(out, { ...array, elements }, { kind: "text" });
}

/** `[0:1]=` and the rest of an array's text. */
function splitBounds(text: string): [string, string] {
  const start = text.indexOf("{");
  return [text.slice(0, start), text.slice(start)];
}

const elementOf = (oid: number): number =>
  ({ [INET_ARRAY]: INET, [BPCHAR_ARRAY]: BPCHAR, [BOOL_ARRAY]: BOOL })[oid] ?? 0;

function castToText(oid: number, text: Uint8Array): Uint8Array {
  switch (oid) {
    case BOOL:
      return encoder.encode(text[0] === "t".charCodeAt(0) ? "true" : "false");
    case BPCHAR:
      return text.subarray(0, text.findLastIndex((byte) => byte !== 0x20) + 1);
    case INET: {
      const address = decoder.decode(text);
      if (address.includes("/")) return text;
      return encoder.encode(`${address}/${address.includes(":") ? 128 : 32}`);
    }
    default:
      return text;
  }
}

/** Of `-$1,234.56`, as lc_monetary C writes any money: its digits count the smallest unit. */
function moneyNumber(text: string, scale: number): string {
  const digits = text.replace(/\D/g, "").padStart(scale + 1, "0");
  const sign = text.includes("-") && /[1-9]/.test(digits) ? "-" : "";
  const whole = digits.slice(0, digits.length - scale).replace(/^0+(?=\d)/, "");
  return `${sign}${whole}${scale === 0 ? "" : `.${digits.slice(digits.length - scale)}`}`;
}
