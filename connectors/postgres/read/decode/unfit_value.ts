import { type CopyRows, OUTCOME } from "../../../../kernels/copy_rows.ts";
import { ConnectionLostError } from "../../session/server_error.ts";
import type { DecodeKind } from "../types.ts";
import { layoutOf } from "./layout.ts";

export const NOT_UTF8 = "is not UTF-8 (the database's encoding is SQL_ASCII, so nobody checked it)";

/** What the kernel met at a value of the kind; throws ConnectionLostError where the bytes are not those of a COPY. */
export function whyUnfit({ outcome, detail, isElement }: CopyRows, kind: DecodeKind): string {
  const isOfElement = isElement.value === 1 && kind.kind === "list";
  const why = describe(outcome.value, detail.value, isOfElement ? kind.element : kind);
  return isOfElement ? `has an element that ${why}` : why;
}

function describe(outcome: number, detail: number, kind: DecodeKind): string {
  switch (outcome) {
    case OUTCOME.wrongLength:
      return `the server sent ${detail} bytes where its type has ${wireBytes(kind)}`;
    case OUTCOME.notANumber:
      return `is ${detail === NAN ? "NaN" : "Infinity"}, which a decimal cannot hold`;
    case OUTCOME.tooManyDigits:
      return "has more digits than its type declares";
    case OUTCOME.timeTooLate:
      return "is a time after the year 294246, which 64 bits of microseconds cannot hold";
    case OUTCOME.intervalTooLong:
      return "is an interval of more than 292 years of hours, beyond 64 bits of nanoseconds";
    case OUTCOME.tooManyDimensions:
      return `is an array of ${detail} dimensions; read it as text with the stream's option text_columns`;
    case OUTCOME.wrongLowerBound:
      return `is an array that begins at ${detail}, which a list does not keep; ` +
        `read it as text with the stream's option text_columns`;
    case OUTCOME.wrongColumnCount:
      throw notCopy(`a row has ${detail} columns`);
    default:
      throw notCopy("a row does not end where its message does");
  }
}

const NAN = 0xc000;

const wireBytes = (kind: DecodeKind) => kind.kind === "bool" ? 1 : layoutOf(kind).bytes || "another number";

export const notCopy = (what: string): ConnectionLostError =>
  new ConnectionLostError(`the server sent something that is not binary COPY: ${what}`);
