import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { ConnectionLostError } from "../../../../connectors/network/failures.ts";
import { SocketBytes } from "../../../../connectors/network/socket_bytes.ts";
import { MAX_PAYLOAD_BYTES, PacketStream } from "../../../../connectors/mysql/session/packet_stream.ts";
import {
  parseColumn,
  parseError,
  parseOk,
  PayloadReader,
} from "../../../../connectors/mysql/session/payload.ts";
import { BatchDecoder } from "../../../../connectors/mysql/read/decode/batch_decoder.ts";
import { UnfitValueError } from "../../../../connectors/unfit_value.ts";
import { arrowField, type DecodeKind } from "../../../../connectors/mysql/read/types.ts";
import { Schema } from "apache-arrow";
import { type Cell, rowsOf } from "../../../support/arrow_rows.ts";

const encoder = new TextEncoder();

function packet(sequence: number, payload: Uint8Array | readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(payload);
  return Uint8Array.of(
    bytes.length & 0xff,
    (bytes.length >> 8) & 0xff,
    bytes.length >> 16,
    sequence,
    ...bytes,
  );
}

const EOF = [0xfe, 0, 0, 2, 0];

/** A stream of the bytes in pieces of that size, which then ends. */
function packetsOf(bytes: Uint8Array, pieceBytes = bytes.length): PacketStream {
  const socket = new PassThrough();
  for (let at = 0; at < bytes.length; at += pieceBytes) socket.write(bytes.subarray(at, at + pieceBytes));
  socket.end();
  const packets = new PacketStream(new SocketBytes(socket));
  packets.sequence = 1;
  return packets;
}

const join = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

async function rowsFrom(packets: PacketStream): Promise<number> {
  let size = 0;
  for (let region = await packets.readRows(); region !== undefined; region = await packets.readRows()) {
    size += region.end - region.start;
  }
  return size;
}

Deno.test("readRows() gives whole rows however the bytes are cut, and stops before the end mark", async () => {
  const rows = Array.from({ length: 300 }, (_, i) => packet(i + 1, encoder.encode(`x${"v".repeat(i % 70)}`)));
  const bytes = join(...rows, packet(301, EOF));
  const expected = rows.reduce((sum, row) => sum + row.length, 0);
  for (const pieceBytes of [1, 2, 3, 5, 64, 1000, bytes.length]) {
    const packets = packetsOf(bytes, pieceBytes);
    assert.equal(await rowsFrom(packets), expected);
    assert.deepEqual([...await packets.read()], EOF);
  }
});

Deno.test("a row may begin with the end mark's byte, where it is longer", async () => {
  const row = packet(1, [0xfe, 1, 0, 0, 0, 0, 0, 0, 0, 0x78]);
  const packets = packetsOf(join(row, packet(2, EOF)));
  assert.equal(await rowsFrom(packets), row.length);
});

Deno.test("bytes that end before the end mark are an error, wherever they end", async () => {
  const bytes = join(packet(1, [1, 0x78]), packet(2, [1, 0x79]), packet(3, EOF));
  for (let length = 0; length < bytes.length; length++) {
    const packets = packetsOf(bytes.subarray(0, length));
    await assert.rejects(async () => {
      await rowsFrom(packets);
      await packets.read();
    }, ConnectionLostError);
  }
});

Deno.test("a packet that is missing, doubled or out of order is an error", async () => {
  for (const [first, second] of [[1, 1], [1, 3], [2, 3], [0, 1]] as const) {
    const packets = packetsOf(join(packet(first, [1, 0x78]), packet(second, [1, 0x79]), packet(3, EOF)));
    await assert.rejects(rowsFrom(packets), /packet \d where \d is due/);
  }
});

Deno.test("read() puts the parts of a large payload together, and refuses more than it may have", async () => {
  const part = new Uint8Array(MAX_PAYLOAD_BYTES).fill(7);
  const head = (length: number, sequence: number) =>
    Uint8Array.of(length & 0xff, (length >> 8) & 0xff, length >> 16, sequence);
  const socket = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
  for (
    const piece of [
      head(MAX_PAYLOAD_BYTES, 1),
      part,
      head(MAX_PAYLOAD_BYTES, 2),
      part,
      head(2, 3),
      Uint8Array.of(1, 2),
    ]
  ) {
    socket.write(piece);
  }
  const packets = new PacketStream(new SocketBytes(socket));
  packets.sequence = 1;
  const region = await packets.readRows();
  assert.deepEqual([region?.isFramed, region?.end], [false, 2 * MAX_PAYLOAD_BYTES + 2]);
  for (const piece of [head(MAX_PAYLOAD_BYTES, 4), part]) socket.write(piece);
  await assert.rejects(packets.read(1000), /an answer of more than 1000 bytes/);
  socket.destroy();
});

Deno.test("payloads that are shorter than they say are an error", () => {
  for (const bytes of [[0x00], [0x00, 0xfc, 1], [0x00, 1, 2, 0], [0xff, 1]]) {
    const parse = bytes[0] === 0xff ? parseError : parseOk;
    assert.throws(() => parse(Uint8Array.from(bytes)), ConnectionLostError);
  }
  assert.throws(() => parseColumn(Uint8Array.from([3, 100, 101, 102, 200])), ConnectionLostError);
  assert.throws(
    () => new PayloadReader(Uint8Array.of(0xfe, 255, 255, 255, 255, 255, 255, 255, 255)).text(),
    ConnectionLostError,
  );
});

const decoderOf = (...kinds: readonly DecodeKind[]): BatchDecoder =>
  new BatchDecoder(new Schema(kinds.map((kind, i) => arrowField(`c${i}`, kind))), kinds);

const value = (text: string): number[] => [text.length, ...encoder.encode(text)];

function decode(kind: DecodeKind, text: string): Cell {
  const decoder = decoderOf(kind);
  const bytes = packet(0, value(text));
  decoder.push({ bytes, start: 0, end: bytes.length, isFramed: true }).next();
  const batch = decoder.flush();
  return batch === undefined ? null : rowsOf([batch])[0]?.[0] ?? null;
}

Deno.test("a row whose values do not end where its packet does is an error", () => {
  const kinds: DecodeKind[] = [{ kind: "text" }, { kind: "text" }];
  for (
    const payload of [
      [1, 0x78],
      [1, 0x78, 1],
      [1, 0x78, 5, 0x79],
      [1, 0x78, 1, 0x79, 1, 0x7a],
      [0xfc, 0xff, 0xff, 0x78],
      [0xfd, 0xff, 0xff, 0xff, 0x78],
      [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x78],
      [0xff, 0x78],
      [],
    ]
  ) {
    const bytes = join(packet(0, payload), new Uint8Array(8));
    const region = { bytes, start: 0, end: bytes.length - 8, isFramed: true };
    assert.throws(() => [...decoderOf(...kinds).push(region)], ConnectionLostError, String(payload));
  }
});

Deno.test("texts that are no value of the type are an error that names column and row", () => {
  const int: DecodeKind = { kind: "int", sizeBytes: 4, isUnsigned: false };
  const cases: readonly (readonly [DecodeKind, readonly string[]])[] = [
    [int, ["", "-", "x", "1x", "2147483648", "-2147483649", "1.5", " 1", "+1"]],
    [{ kind: "int", sizeBytes: 1, isUnsigned: true }, ["256", "-1"]],
    [{ kind: "int8", isUnsigned: false }, [
      "",
      "9223372036854775808",
      "-9223372036854775809",
      "12345678901234567x",
    ]],
    [{ kind: "int8", isUnsigned: true }, ["-1", "18446744073709551616"]],
    [{ kind: "decimal", precision: 5, scale: 2 }, ["1000.00", "1.001", "x", "", "1e2", "--1", "."]],
    [{ kind: "float8" }, ["", "nan", "inf", "1e999", "0x10", "1..2", "1 2"]],
    [{ kind: "date", zeroIsNull: false }, [
      "",
      "2024-13-01",
      "2024-02-30",
      "0000-00-00",
      "2024/01/01",
      "20240101",
      "2024-01-0x",
    ]],
    [{ kind: "date", zeroIsNull: true }, ["", "nonsense", "2024/01/01"]],
    [{ kind: "timestamp", zeroIsNull: false }, [
      "2024-01-01",
      "2024-01-01 24:00:00",
      "2024-01-01 00:60:00",
      "2024-01-01 00:00:00.",
      "2024-01-01 00:00:00.1234567",
    ]],
    [{ kind: "time" }, ["-00:00:01", "24:00:00", "838:59:59", "00:00", "00:00:00,5"]],
    [{ kind: "uuid" }, ["", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeefg"]],
    [{ kind: "bool" }, ["", "\x02", "\x01\x01"]],
    [{ kind: "bits" }, ["\x01".repeat(9)]],
  ];
  for (const [kind, texts] of cases) {
    for (const text of texts) {
      assert.throws(() => decode(kind, text), (error) => {
        assert(error instanceof UnfitValueError, String(error));
        assert.deepEqual([error.column, error.row], ["c0", 1]);
        return true;
      }, `${kind.kind} ${text}`);
    }
  }
});

Deno.test("bytes that are not UTF-8 are no text", () => {
  for (const bytes of [[0xff], [0xed, 0xa0, 0x80], [0xc3]]) {
    const row = packet(0, [bytes.length, ...bytes]);
    const region = { bytes: row, start: 0, end: row.length, isFramed: true };
    assert.throws(() => [...decoderOf({ kind: "text" }).push(region)], /is not UTF-8/);
    assert.deepEqual([...decoderOf({ kind: "bytes" }).push(region)], []);
  }
});

Deno.test("whole numbers, decimals and times are exact at every length", () => {
  for (let digits = 1; digits <= 18; digits++) {
    for (const sign of ["", "-"]) {
      const text = `${sign}${"987654321987654321".slice(0, digits)}`;
      assert.equal(decode({ kind: "int8", isUnsigned: false }, text), BigInt(text));
      for (const scale of [0, 1, 6].filter((one) => one < digits)) {
        const at = text.length - scale;
        const decimal = scale === 0 ? text : `${text.slice(0, at)}.${text.slice(at)}`;
        assert.equal(decode({ kind: "decimal", precision: 38, scale }, decimal), BigInt(text));
      }
    }
  }
  // As an expression has it: fewer digits behind the point than declared.
  assert.equal(decode({ kind: "decimal", precision: 10, scale: 4 }, "1.5"), 15000n);
  for (
    const date of [
      "0001-01-01",
      "1582-10-10",
      "1969-12-31",
      "1970-01-01",
      "2000-02-29",
      "2024-12-31",
      "9999-12-31",
    ]
  ) {
    const days = Date.parse(`${date}T00:00:00Z`) / 86_400_000;
    assert.equal(decode({ kind: "date", zeroIsNull: false }, date), days);
    const expected = BigInt(Date.parse(`${date}T23:59:58Z`)) * 1000n + 999_999n;
    assert.equal(decode({ kind: "timestamp", zeroIsNull: false }, `${date} 23:59:58.999999`), expected);
  }
});
