import { ConnectionLostError } from "../session/server_error.ts";

/**
 * The messages of pgoutput, version 1 with values as text.
 * Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export type LogMessage =
  | { readonly type: "begin"; readonly commitLsn: bigint; readonly committedAtUs: bigint }
  | { readonly type: "commit"; readonly endLsn: bigint }
  | { readonly type: "relation"; readonly relation: Relation }
  | { readonly type: "insert"; readonly relation: number; readonly row: Tuple }
  | {
    readonly type: "update";
    readonly relation: number;
    readonly old: Tuple | undefined;
    /** Whether `old` has the identity's columns only. */
    readonly isKey: boolean;
    readonly row: Tuple;
  }
  | { readonly type: "delete"; readonly relation: number; readonly old: Tuple; readonly isKey: boolean }
  | { readonly type: "truncate"; readonly relations: readonly number[] }
  | { readonly type: "other" };

export interface Relation {
  readonly oid: number;
  readonly columns: readonly RelationColumn[];
}

export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/** Whether both say the same of the same table. */
export function isSameRelation(one: Relation, other: Relation): boolean {
  return one.oid === other.oid && one.columns.length === other.columns.length &&
    one.columns.every(({ name, typeOid, typeModifier }, i) => {
      const column = other.columns[i];
      return column?.name === name && column.typeOid === typeOid && column.typeModifier === typeModifier;
    });
}

/** A row's values, in the relation's order. A value is NULL, unchanged (`undefined`), or its text. */
export type Tuple = readonly (Uint8Array | null | undefined)[];

/** Microseconds between 1970 and 2000, where PostgreSQL counts from. */
export const EPOCH_US = 946_684_800_000_000n;

/** Reads one message. The tuples are views of `bytes`. Throws ConnectionLostError for anything else. */
export function readMessage(bytes: Uint8Array, start: number, end: number): LogMessage {
  const reader = new Reader(bytes, start, end);
  const kind = String.fromCharCode(reader.byte());
  switch (kind) {
    case "B":
      return { type: "begin", commitLsn: reader.int64(), committedAtUs: reader.int64() + EPOCH_US };
    case "C":
      reader.skip(1 + 8);
      return { type: "commit", endLsn: reader.int64() };
    case "R":
      return { type: "relation", relation: readRelation(reader) };
    case "I": {
      const relation = reader.int32();
      reader.expect("N");
      return { type: "insert", relation, row: reader.tuple() };
    }
    case "U":
      return readUpdate(reader);
    case "D": {
      const relation = reader.int32();
      const isKey = reader.keyOrOld();
      return { type: "delete", relation, isKey, old: reader.tuple() };
    }
    case "T": {
      const count = reader.int32();
      reader.skip(1);
      return { type: "truncate", relations: Array.from({ length: count }, () => reader.int32()) };
    }
    // Types, origins and messages of other programs.
    default:
      return { type: "other" };
  }
}

function readRelation(reader: Reader): Relation {
  const oid = reader.int32();
  // Its schema and name, and what identifies its rows.
  reader.text();
  reader.text();
  reader.skip(1);
  const columns = Array.from({ length: reader.int16() }, (): RelationColumn => {
    reader.skip(1);
    return { name: reader.text(), typeOid: reader.int32(), typeModifier: reader.signed32() };
  });
  return { oid, columns };
}

function readUpdate(reader: Reader): LogMessage {
  const relation = reader.int32();
  const kind = String.fromCharCode(reader.peek());
  if (kind === "N") {
    reader.skip(1);
    return { type: "update", relation, old: undefined, isKey: false, row: reader.tuple() };
  }
  const isKey = reader.keyOrOld();
  const old = reader.tuple();
  reader.expect("N");
  return { type: "update", relation, old, isKey, row: reader.tuple() };
}

const decoder = new TextDecoder();

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  peek(): number {
    this.#require(1);
    return this.#bytes[this.#at] ?? 0;
  }

  byte(): number {
    const byte = this.peek();
    this.#at += 1;
    return byte;
  }

  int16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  int32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  signed32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /** Ends with a zero. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0 || end >= this.#end) throw notPgoutput();
    const text = decoder.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  skip(count: number): void {
    this.#take(count);
  }

  expect(kind: string): void {
    if (String.fromCharCode(this.byte()) !== kind) throw notPgoutput();
  }

  /** Whether only the identity's columns follow. */
  keyOrOld(): boolean {
    const kind = String.fromCharCode(this.byte());
    if (kind !== "K" && kind !== "O") throw notPgoutput();
    return kind === "K";
  }

  tuple(): Tuple {
    const count = this.int16();
    const values: (Uint8Array | null | undefined)[] = [];
    for (let i = 0; i < count; i++) {
      switch (String.fromCharCode(this.byte())) {
        case "n":
          values.push(null);
          break;
        case "u":
          values.push(undefined);
          break;
        case "t": {
          const length = this.int32();
          const at = this.#take(length);
          values.push(this.#bytes.subarray(at, at + length));
          break;
        }
        default:
          throw notPgoutput();
      }
    }
    return values;
  }

  #take(count: number): number {
    this.#require(count);
    const at = this.#at;
    this.#at += count;
    return at;
  }

  #require(count: number): void {
    if (this.#at + count > this.#end) throw notPgoutput();
  }
}

const notPgoutput = (): ConnectionLostError =>
  new ConnectionLostError("the server sent something that is not pgoutput's protocol");
