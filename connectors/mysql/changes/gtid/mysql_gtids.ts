import { PayloadReader } from "../../session/payload.ts";
import type { Gtid, GtidSet, TakenGtids } from "./gtid.ts";

/** Both ends belong to it. */
interface Range {
  from: bigint;
  to: bigint;
}

const UUID_BYTES = 16;
const NUMBER_BYTES = 8;

/**
 * MySQL's form, as `3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7`: numbers by the server that gave them. Sets with
 * tags (MySQL 8.3) are not known here. Source:
 * https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html
 */
export class MysqlGtids implements GtidSet {
  /** Sorted, with gaps between them. */
  readonly #ranges = new Map<string, Range[]>();

  /** Undefined for a text that is none. */
  static parse(text: string): MysqlGtids | undefined {
    const gtids = new MysqlGtids();
    for (const part of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
      const [uuid = "", ...ranges] = part.toLowerCase().split(":");
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) || ranges.length === 0) return undefined;
      for (const range of ranges) {
        const [, from, to = from] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(range) ?? [];
        if (from === undefined || to === undefined) return undefined;
        gtids.#add(uuid, BigInt(from), BigInt(to));
      }
    }
    return gtids;
  }

  /** Of the event that begins a file, and of a request for a log. Undefined for the form with tags. */
  static decode(bytes: Uint8Array): MysqlGtids | undefined {
    const reader = new PayloadReader(bytes);
    // The form with tags has its number in the last of these bytes.
    const uuids = reader.uint(NUMBER_BYTES);
    if (uuids >= 2 ** 48) return undefined;
    const gtids = new MysqlGtids();
    for (let i = 0; i < uuids; i += 1) {
      const uuid = readUuid(reader);
      for (let left = reader.uint(NUMBER_BYTES); left > 0; left -= 1) {
        const from = readUint64(reader);
        gtids.#add(uuid, from, readUint64(reader) - 1n);
      }
    }
    return gtids;
  }

  get text(): string {
    return this.#sorted().map(([uuid, ranges]) =>
      [uuid, ...ranges.map(({ from, to }) => from === to ? `${from}` : `${from}-${to}`)].join(":")
    ).join(",");
  }

  /** As a request for a log has it. */
  encode(): Uint8Array {
    const entries = this.#sorted();
    const ranges = entries.reduce((sum, [, list]) => sum + list.length, 0);
    const bytes = new Uint8Array(
      NUMBER_BYTES + entries.length * (UUID_BYTES + NUMBER_BYTES) + ranges * 2 * NUMBER_BYTES,
    );
    const view = new DataView(bytes.buffer);
    let at = 0;
    const put = (number: bigint) => {
      view.setBigUint64(at, number, true);
      at += NUMBER_BYTES;
    };
    put(BigInt(entries.length));
    for (const [uuid, list] of entries) {
      bytes.set(Uint8Array.fromHex(uuid.replaceAll("-", "")), at);
      at += UUID_BYTES;
      put(BigInt(list.length));
      for (const { from, to } of list) {
        put(from);
        put(to + 1n);
      }
    }
    return bytes;
  }

  add({ origin, sequence }: Gtid): void {
    this.#add(origin, sequence, sequence);
  }

  has({ origin, sequence }: Gtid): boolean {
    return this.#ranges.get(origin)?.some(({ from, to }) => from <= sequence && sequence <= to) ?? false;
  }

  /** With all that `other` has. */
  with(other: MysqlGtids): MysqlGtids {
    const both = new MysqlGtids();
    for (const [uuid, ranges] of [...this.#ranges, ...other.#ranges]) {
      for (const { from, to } of ranges) both.#add(uuid, from, to);
    }
    return both;
  }

  #sorted(): [string, Range[]][] {
    return [...this.#ranges].toSorted(([one], [other]) => one < other ? -1 : 1);
  }

  #add(uuid: string, from: bigint, to: bigint): void {
    const ranges = this.#ranges.get(uuid);
    const last = ranges?.at(-1);
    // A log has them in their order, most of the time.
    if (last !== undefined && last.to + 1n === from) last.to = to;
    else this.#ranges.set(uuid, joined([...ranges ?? [], { from, to }]));
  }
}

/** Sorted, those that touch or overlap as one. */
function joined(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from < b.from ? -1 : 1)) {
    const last = result.at(-1);
    if (last === undefined || last.to + 1n < from) result.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return result;
}

export function readUint64(reader: PayloadReader): bigint {
  const bytes = reader.bytes(NUMBER_BYTES);
  return new DataView(bytes.buffer, bytes.byteOffset, NUMBER_BYTES).getBigUint64(0, true);
}

/** Sixteen bytes as `3e11fa47-71ca-11e1-9e33-c80aa9429562`. */
export const readUuid = (reader: PayloadReader): string =>
  new Uint8Array(reader.bytes(UUID_BYTES)).toHex().replace(
    /^(.{8})(.{4})(.{4})(.{4})(.{12})$/,
    "$1-$2-$3-$4-$5",
  );

/** All that is in the set. */
export class SetOfTaken implements TakenGtids {
  readonly #set: MysqlGtids;

  constructor(set: MysqlGtids) {
    this.#set = set;
  }

  get text(): string {
    return this.#set.text;
  }

  take(gtid: Gtid): boolean {
    return this.#set.has(gtid);
  }

  /** Whether the server has all of the set is known before its log is read. */
  missing(): undefined {
    return undefined;
  }
}
