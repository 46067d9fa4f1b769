import { ConnectionLostError } from "../../network/failures.ts";
import { NOT_THE_PROTOCOL, ServerError } from "./server_error.ts";

/** What stands in the payloads of the server's packets. Source: https://mariadb.com/kb/en/4-server-response-packets/ */

/** A column of a result as the server describes it. */
export interface ResultColumn {
  readonly name: string;
  /** The number of the wire's type, as 3 for INT. */
  readonly type: number;
  /** See column_flags in the types of a read: 32 is UNSIGNED, 128 BINARY, 256 ENUM, 2048 SET. */
  readonly flags: number;
  /** The number of the collation; 63 is bytes. */
  readonly collation: number;
  /** The most bytes that a value can have as text, or the digits that a number is declared with. */
  readonly length: number;
  /** Digits behind the point; 31 and more for floats where they are not declared. */
  readonly decimals: number;
  /** MariaDB's own name of the type where the wire has none, as `uuid` or `point`; empty otherwise. */
  readonly typeName: string;
  /** MariaDB's format of the type, as `json`; empty otherwise. */
  readonly format: string;
}

/** The end of a statement without rows, or of the rows. */
export interface Outcome {
  readonly affectedRows: number;
  readonly warnings: number;
  /** The server's own words, as `Records: 2  Duplicates: 0  Warnings: 0`. */
  readonly info: string;
  readonly isInTransaction: boolean;
  readonly hasMoreResults: boolean;
}

const IN_TRANSACTION = 0x0001;
const MORE_RESULTS = 0x0008;
/** The type, flags and sizes at the end of a column's description, and the byte that says so. */
const COLUMN_TAIL_BYTES = 13;

const decoder = new TextDecoder();

/** Reads a payload from its front. Throws ConnectionLostError where it is shorter than it says. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint(sizeBytes: number): number {
    let value = 0;
    for (let i = sizeBytes - 1; i >= 0; i--) value = value * 256 + this.#byteAt(this.#at + i);
    this.#at += sizeBytes;
    return value;
  }

  /** A length or count of one, three, four or nine bytes; null is NULL. */
  lengthOrNull(): number | null {
    const first = this.uint(1);
    if (first < 0xfb) return first;
    if (first === 0xfb) return null;
    return this.uint(first === 0xfc ? 2 : first === 0xfd ? 3 : 8);
  }

  length(): number {
    const length = this.lengthOrNull();
    if (length === null) throw new ConnectionLostError(NOT_THE_PROTOCOL);
    return length;
  }

  bytes(sizeBytes: number): Uint8Array {
    if (sizeBytes > this.left) throw new ConnectionLostError(NOT_THE_PROTOCOL);
    this.#at += sizeBytes;
    return this.#bytes.subarray(this.#at - sizeBytes, this.#at);
  }

  textOrNull(): string | null {
    const length = this.lengthOrNull();
    return length === null ? null : decoder.decode(this.bytes(length));
  }

  text(): string {
    return decoder.decode(this.bytes(this.length()));
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  #byteAt(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new ConnectionLostError(NOT_THE_PROTOCOL);
    return byte;
  }
}

export function parseError(payload: Uint8Array): ServerError {
  const reader = new PayloadReader(payload);
  reader.uint(1);
  const errno = reader.uint(2);
  const rest = decoder.decode(reader.rest());
  return rest.startsWith("#")
    ? new ServerError(errno, rest.slice(1, 6), rest.slice(6))
    : new ServerError(errno, "", rest);
}

export function parseOk(payload: Uint8Array): Outcome {
  const reader = new PayloadReader(payload);
  reader.uint(1);
  const affectedRows = reader.length();
  reader.length(); // the last id that the server made
  const status = reader.uint(2);
  const warnings = reader.uint(2);
  const info = reader.left > 0 ? reader.text() : "";
  return { affectedRows, warnings, info, ...statusOf(status) };
}

export function parseEof(payload: Uint8Array): Outcome {
  const reader = new PayloadReader(payload);
  reader.uint(1);
  const warnings = reader.uint(2);
  return { affectedRows: 0, warnings, info: "", ...statusOf(reader.uint(2)) };
}

const statusOf = (status: number) => ({
  isInTransaction: (status & IN_TRANSACTION) !== 0,
  hasMoreResults: (status & MORE_RESULTS) !== 0,
});

export function parseColumn(payload: Uint8Array): ResultColumn {
  const reader = new PayloadReader(payload);
  for (let skipped = 0; skipped < 4; skipped++) reader.text(); // catalog, schema, table, table's own name
  const name = reader.text();
  reader.text(); // the column's own name
  // A block with what is MariaDB's own comes where the client said that it knows it, which mysql2 does.
  const extended = reader.left > COLUMN_TAIL_BYTES ? parseExtended(reader.bytes(reader.length())) : {};
  reader.uint(1);
  const collation = reader.uint(2);
  const length = reader.uint(4);
  const type = reader.uint(1);
  const flags = reader.uint(2);
  const decimals = reader.uint(1);
  return { name, type, flags, collation, length, decimals, typeName: "", format: "", ...extended };
}

/** Source: https://mariadb.com/kb/en/result-set-packets/#extended-metadata */
function parseExtended(block: Uint8Array): { typeName?: string; format?: string } {
  const reader = new PayloadReader(block);
  const found: { typeName?: string; format?: string } = {};
  while (reader.left > 0) {
    const kind = reader.uint(1);
    const value = reader.text();
    if (kind === 0) found.typeName = value;
    if (kind === 1) found.format = value;
  }
  return found;
}
