import { crc32, inflateSync } from "node:zlib";
import { ConnectionLostError } from "../../../network/failures.ts";
import { PayloadReader } from "../../session/payload.ts";
import type { Gtid } from "../gtid/gtid.ts";
import { readUint64, readUuid } from "../gtid/mysql_gtids.ts";

/**
 * Events of the binary log, cut out of what the server sends.
 * Sources: https://mariadb.com/kb/en/replication-protocol/ and
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
 */

export const EVENT = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  slave: 7,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  firstOldRows: 20,
  lastOldRows: 22,
  writeRowsV1: 23,
  updateRowsV1: 24,
  deleteRowsV1: 25,
  incident: 26,
  heartbeat: 27,
  ignorable: 28,
  rowsQuery: 29,
  writeRows: 30,
  updateRows: 31,
  deleteRows: 32,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  transactionContext: 36,
  viewChange: 37,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  heartbeatV2: 41,
  gtidTagged: 42,
  annotateRows: 160,
  binlogCheckpoint: 161,
  mariadbGtid: 162,
  gtidList: 163,
  startEncryption: 164,
  queryCompressed: 165,
  writeRowsCompressedV1: 166,
  updateRowsCompressedV1: 167,
  deleteRowsCompressedV1: 168,
  writeRowsCompressed: 169,
  updateRowsCompressed: 170,
  deleteRowsCompressed: 171,
} as const;

/** Set in events that the server makes up for the connection: they are not in its files. */
const ARTIFICIAL = 0x20;
/** Set in events that who does not know them may pass over. */
const IGNORABLE = 0x80;
const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
const CHECKSUM_CRC32 = 1;
/** Version, the server's own version, a time, the length of a header. */
const FORMAT_HEAD_BYTES = 2 + 50 + 4 + 1;

/** One event, without its checksum. */
export interface LogEvent {
  readonly type: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** The number of the server where it was written first. */
  readonly serverId: number;
  /** Where it ends in its file, by 32 bits; 0 where it is in none. */
  readonly end: number;
  /** The whole event with its header, as it stands in the log. */
  readonly sizeBytes: number;
  readonly isArtificial: boolean;
  readonly isIgnorable: boolean;
  readonly body: Uint8Array;
}

/** How the events of one file are written, as the event at its begin says. */
export interface LogFormat {
  /** By an event's type less 1. */
  readonly postHeaderLengths: Uint8Array;
  readonly hasChecksums: boolean;
}

/** Before a file's own format is known. */
export const UNKNOWN_FORMAT: LogFormat = { postHeaderLengths: new Uint8Array(0), hasChecksums: false };

const NOT_A_LOG = "the server sent something that is not its log";

/** Reads one event. Throws ConnectionLostError where it is cut short, or its checksum says that it is another one. */
export function readEvent(bytes: Uint8Array, { hasChecksums }: LogFormat): LogEvent {
  const reader = new PayloadReader(bytes);
  const timestamp = reader.uint(4);
  const type = reader.uint(1);
  const serverId = reader.uint(4);
  const sizeBytes = reader.uint(4);
  const end = reader.uint(4);
  const flags = reader.uint(2);
  if (sizeBytes !== bytes.length) throw new ConnectionLostError(`${NOT_A_LOG}: an event that is cut short`);
  const isChecked = type === EVENT.formatDescription ? hasFormatChecksum(bytes) : hasChecksums;
  const bodyEnd = isChecked ? bytes.length - CHECKSUM_BYTES : bytes.length;
  if (isChecked) verify(bytes, bodyEnd);
  return {
    type,
    timestamp,
    serverId,
    end,
    sizeBytes,
    isArtificial: (flags & ARTIFICIAL) !== 0,
    isIgnorable: (flags & IGNORABLE) !== 0,
    // A plain view: those of a Buffer take longer to make, and a row has many.
    body: new Uint8Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES, bodyEnd - HEADER_BYTES),
  };
}

function verify(bytes: Uint8Array, end: number): void {
  const said = new PayloadReader(bytes.subarray(end)).uint(CHECKSUM_BYTES);
  if (crc32(bytes.subarray(0, end)) === said) return;
  throw new ConnectionLostError("an event of the server's log is not what its checksum says");
}

const hasFormatChecksum = (bytes: Uint8Array): boolean =>
  bytes[bytes.length - CHECKSUM_BYTES - 1] === CHECKSUM_CRC32;

/** Of the event at the begin of a file. */
export function readFormat({ body }: LogEvent, whole: Uint8Array): LogFormat {
  const hasChecksums = hasFormatChecksum(whole);
  // The checksum's kind is the last byte; where there is no checksum, four bytes stand in its place.
  const end = body.length - (hasChecksums ? 1 : 1 + CHECKSUM_BYTES);
  return { postHeaderLengths: body.subarray(FORMAT_HEAD_BYTES, end), hasChecksums };
}

const decoder = new TextDecoder();

/** The file that comes next, and where it goes on there. */
export function readRotate({ body }: LogEvent): { readonly file: string; readonly offset: number } {
  const reader = new PayloadReader(body);
  const offset = reader.uint(8);
  return { file: decoder.decode(reader.rest()), offset };
}

/** A statement, as the log has it where it has no rows. */
export interface LoggedStatement {
  /** That it is to be understood in. */
  readonly database: string;
  readonly sql: string;
}

export function readQuery({ body, type }: LogEvent): LoggedStatement {
  const reader = new PayloadReader(body);
  reader.uint(4); // the connection that it came over
  reader.uint(4); // seconds that it took
  const databaseBytes = reader.uint(1);
  reader.uint(2); // the error that it ended with
  reader.bytes(reader.uint(2)); // settings that it ran with
  const database = decoder.decode(reader.bytes(databaseBytes));
  reader.uint(1);
  const text = reader.rest();
  return { database, sql: decoder.decode(type === EVENT.queryCompressed ? inflate(text) : text) };
}

/** A LOAD DATA that is logged as a statement; it has more before its settings. */
export function readLoadQuery({ body }: LogEvent): LoggedStatement {
  const reader = new PayloadReader(body);
  reader.uint(8); // the connection, seconds
  const databaseBytes = reader.uint(1);
  reader.uint(2); // the error that it ended with
  const settingsBytes = reader.uint(2);
  reader.bytes(13); // the file, where its name stands in the statement, what becomes of duplicates
  reader.bytes(settingsBytes);
  const database = decoder.decode(reader.bytes(databaseBytes));
  reader.uint(1);
  return { database, sql: decoder.decode(reader.rest()) };
}

const FLAG_STANDALONE = 1;

/** What MariaDB says where a transaction begins: its number, and whether it is one statement, without a commit behind it. */
export function readMariadbGtid(
  { body, serverId }: LogEvent,
): { readonly gtid: Gtid; readonly isStandalone: boolean } {
  const reader = new PayloadReader(body);
  const sequence = readUint64(reader);
  const origin = String(reader.uint(4));
  return {
    gtid: { origin, server: serverId, sequence },
    isStandalone: (reader.uint(1) & FLAG_STANDALONE) !== 0,
  };
}

/** What MySQL says where a transaction begins. */
export function readMysqlGtid({ body, serverId }: LogEvent): Gtid {
  const reader = new PayloadReader(body);
  reader.uint(1); // flags
  return { origin: readUuid(reader), server: serverId, sequence: readUint64(reader) };
}

/** Whether an XA transaction waits for its second phase. */
export const isTwoPhase = ({ body }: LogEvent): boolean => body[0] === 0;

/**
 * What MariaDB has compressed: a byte with how, the length in as many bytes as it says, and the data.
 * Throws ConnectionLostError for anything else.
 */
export function inflate(bytes: Uint8Array): Uint8Array {
  const [head = 0] = bytes;
  const isZlib = (head & 0xf0) === 0x80;
  const lengthBytes = head & 0x07;
  if (!isZlib || lengthBytes < 1 || lengthBytes > 4 || bytes.length < 1 + lengthBytes) {
    throw new ConnectionLostError(`${NOT_A_LOG}: compressed in no known way`);
  }
  const length = bytes.subarray(1, 1 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const inflated = inflateSync(bytes.subarray(1 + lengthBytes));
  if (inflated.length !== length) throw new ConnectionLostError(`${NOT_A_LOG}: compressed, and cut short`);
  return inflated;
}
