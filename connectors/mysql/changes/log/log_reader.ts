import { ConnectionLostError } from "../../../network/failures.ts";
import type { Session } from "../../session/session.ts";
import {
  EVENT,
  type LogEvent,
  type LogFormat,
  readEvent,
  readFormat,
  readRotate,
  UNKNOWN_FORMAT,
} from "./log_event.ts";
import { MariadbGtids } from "../gtid/mariadb_gtids.ts";
import { MysqlGtids } from "../gtid/mysql_gtids.ts";
import type { GtidSet } from "../gtid/gtid.ts";
import type { Place } from "./place.ts";

const COM_BINLOG_DUMP = 0x12;
const COM_REGISTER_SLAVE = 0x15;
const COM_BINLOG_DUMP_GTID = 0x1e;
/** Ends where the log ends, in place of waiting for more. */
const NON_BLOCKING = 0x01;
const THROUGH_GTID = 0x04;
/** What MariaDB may send: its own transactions' numbers among it. */
const MARIADB_CAPABILITY = 4;
const FIRST_OFFSET = 4;
const WRAP = 2 ** 32;

/** One event, and where it stands. */
export interface PlacedEvent extends LogEvent {
  readonly start: Place;
  readonly endPlace: Place;
  readonly format: LogFormat;
}

/** The file that is read, and when it was begun, in seconds. */
export interface LogFile {
  readonly file: string;
  readonly at: number;
}

/** A place, or all transactions that are not in a set: the server leaves those out, in its own order. */
export type LogStart = { readonly place: Place } | { readonly gtids: GtidSet };

/**
 * Reads a server's binary log from a place or set on, as a replica does, up to where the server has no more.
 * Nothing is kept at the server for it.
 */
export class LogReader {
  readonly #session: Session;
  readonly #serverId: number;
  #format: LogFormat = UNKNOWN_FORMAT;
  #place: Place;
  readonly #gtids: GtidSet | undefined;
  #file: LogFile | undefined;

  /** `serverId`: what it calls itself among the server's replicas. */
  constructor(session: Session, serverId: number, from: LogStart) {
    this.#session = session;
    this.#serverId = serverId;
    this.#place = "place" in from ? from.place : { file: "", offset: FIRST_OFFSET };
    this.#gtids = "gtids" in from ? from.gtids : undefined;
  }

  /** Known as soon as the first event was read, or the server had none. */
  get file(): LogFile | undefined {
    return this.#file;
  }

  /**
   * The events of the server's files; what it says beside them is not among them. An event's bytes are valid for
   * as long as anybody holds them. Throws ServerError where the server has no such place any more, and
   * ConnectionLostError for a log that is not whole.
   */
  async *read(): AsyncGenerator<PlacedEvent, void, undefined> {
    const session = this.#session;
    await session.query(
      "SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum, " +
        `@mariadb_slave_capability = ${MARIADB_CAPABILITY}`,
    );
    // What comes before the first file's own format is written as the server writes now.
    const { rows: [[checksum] = []] } = await session.query("SELECT @@global.binlog_checksum");
    this.#format = { ...UNKNOWN_FORMAT, hasChecksums: checksum === "CRC32" };
    if (this.#gtids instanceof MariadbGtids) {
      await session.query(
        `SET @slave_connect_state = '${this.#gtids.text}', @slave_gtid_strict_mode = 1, ` +
          "@slave_gtid_ignore_duplicates = 0",
      );
    }
    await session.command(this.#registration());
    for await (const bytes of session.packets(this.#request())) {
      const event = readEvent(bytes, this.#format);
      if (event.type === EVENT.formatDescription) {
        this.#format = readFormat(event, bytes);
        this.#file = { file: this.#place.file, at: event.timestamp };
        if (event.end > 0 && !event.isArtificial) this.#advance(event);
        continue;
      }
      if (event.type === EVENT.rotate) {
        const next = readRotate(event);
        // At the begin the server names the file that was asked for.
        if (next.file !== this.#place.file) this.#place = { file: next.file, offset: next.offset };
        continue;
      }
      if (event.type === EVENT.heartbeat || event.type === EVENT.heartbeatV2 || event.isArtificial) continue;
      if (this.#file?.file !== this.#place.file) {
        throw new ConnectionLostError("the server's log has no format");
      }
      this.#advance(event);
      const { file, offset } = this.#place;
      const start = { file, offset: offset - event.sizeBytes };
      yield { ...event, start, endPlace: this.#place, format: this.#format };
    }
  }

  /** No event begins before the one before it ended. Events that a server keeps to itself leave a gap. */
  #advance({ end, sizeBytes }: LogEvent): void {
    const { file, offset } = this.#place;
    // The log has 32 bits for its places, and a transaction may be longer than they can say.
    const near = Math.floor(offset / WRAP) * WRAP + end;
    const next = near < offset ? near + WRAP : near;
    if (next - sizeBytes < offset) {
      throw new ConnectionLostError(
        `the server's log goes back to ${next - sizeBytes}, and was at ${offset}`,
      );
    }
    this.#place = { file, offset: next };
  }

  #registration(): Uint8Array {
    const bytes = new Uint8Array(18);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, COM_REGISTER_SLAVE);
    view.setUint32(1, this.#serverId, true);
    // Neither host, user, password, port nor a master of its own is told.
    return bytes;
  }

  #request(): Uint8Array {
    if (this.#gtids instanceof MysqlGtids) return gtidRequest(this.#gtids, this.#serverId);
    const { file, offset } = this.#place;
    const name = new TextEncoder().encode(file);
    const bytes = new Uint8Array(11 + name.length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, COM_BINLOG_DUMP);
    view.setUint32(1, Math.max(offset, FIRST_OFFSET), true);
    view.setUint16(5, NON_BLOCKING, true);
    view.setUint32(7, this.#serverId, true);
    bytes.set(name, 11);
    return bytes;
  }
}

/** Asks MySQL for all that is not in the set. */
export function gtidRequest(gtids: MysqlGtids, serverId: number): Uint8Array {
  const set = gtids.encode();
  const bytes = new Uint8Array(23 + set.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, COM_BINLOG_DUMP_GTID);
  view.setUint16(1, NON_BLOCKING | THROUGH_GTID, true);
  view.setUint32(3, serverId, true);
  // No file is named: neither the length of its name nor the name.
  view.setUint32(7, 0, true);
  view.setBigUint64(11, BigInt(FIRST_OFFSET), true);
  view.setUint32(19, set.length, true);
  bytes.set(set, 23);
  return bytes;
}
