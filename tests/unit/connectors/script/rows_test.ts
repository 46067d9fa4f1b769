import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { HEAD_BYTES, KEY_BYTES } from "../../../../connectors/script/sandbox/frames.ts";
import { RowsDecoder } from "../../../../connectors/script/sandbox/decode_rows.ts";
import { FrameFault } from "../../../../connectors/script/sandbox/frame_fault.ts";
import { Channel } from "../../../../connectors/script/runner/channel.ts";
import { Output } from "../../../../connectors/script/runner/output.ts";

/** Rows on their way out of a sandbox, without a process between the two sides. */

interface Given {
  readonly columns: string[];
  readonly rows: unknown[][];
}

async function framesOf(yields: readonly unknown[], names?: readonly string[]): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  const channel = new Channel({
    read: () => Promise.resolve(null),
    write: (bytes) => {
      frames.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
  });
  channel.key = "00".repeat(KEY_BYTES);
  const output = new Output(channel);
  if (names !== undefined) output.declare(names);
  for (const given of yields) await output.take(given);
  await output.end();
  return frames;
}

/** What each frame of rows holds, as `name type` and the values. */
async function carried(yields: readonly unknown[], names?: readonly string[]): Promise<Given[]> {
  const decoder = new RowsDecoder();
  return (await framesOf(yields, names)).slice(0, -1).map((frame) => {
    const batch = decoder.decode(frame.slice(HEAD_BYTES));
    const columns = batch.schema.fields.map(({ name, type }) => `${name} ${type}`);
    const rows = Array.from(
      { length: batch.numRows },
      (_, row) => columns.map((_, column): unknown => batch.getChildAt(column)?.get(row) ?? null),
    );
    return { columns, rows };
  });
}

const INSTANT = "Timestamp<MICROSECOND, UTC>";

const CASES: readonly {
  readonly name: string;
  readonly rows: readonly unknown[];
  readonly expected: Given;
}[] = [
  {
    name: "integers within 64 bits, whichever way they are written",
    rows: [{ n: 1 }, { n: -1 }, { n: 2 ** 53 - 1 }, { n: -(2 ** 53 - 1) }, { n: -(2 ** 33) - 7 }, {
      n: 9223372036854775807n,
    }],
    expected: {
      columns: ["n Int64"],
      rows: [[1n], [-1n], [9007199254740991n], [-9007199254740991n], [-8589934599n], [9223372036854775807n]],
    },
  },
  {
    name: "a fraction among integers makes doubles of all",
    rows: [{ n: 1 }, { n: 0.1 }, { n: NaN }, { n: -Infinity }, { n: 1e300 }],
    expected: { columns: ["n Float64"], rows: [[1], [0.1], [NaN], [-Infinity], [1e300]] },
  },
  {
    name: "numbers that no type of numbers holds together are text",
    rows: [{ n: 0.5 }, { n: 9007199254740993n }],
    expected: { columns: ["n Utf8"], rows: [["0.5"], ["9007199254740993"]] },
  },
  {
    name: "integers of more than 128 bits are text",
    rows: [{ n: 1 }, { n: 1n << 127n }],
    expected: { columns: ["n Utf8"], rows: [["1"], ["170141183460469231731687303715884105728"]] },
  },
  {
    name: "texts of every width, empty ones and none",
    rows: [{ t: "a" }, { t: "" }, { t: null }, { t: "ä€" }, { t: "😀x" }, { t: "\0" }],
    expected: { columns: ["t Utf8"], rows: [["a"], [""], [null], ["ä€"], ["😀x"], ["\0"]] },
  },
  {
    name: "keys that come later, and those that are missing",
    rows: [{ a: true }, { b: false }, { a: undefined, b: true }],
    expected: { columns: ["a Bool", "b Bool"], rows: [[true, null], [null, false], [null, true]] },
  },
  {
    name: "values of several kinds are JSON, each as what it is",
    rows: [{ v: 1 }, { v: "1" }, { v: true }, { v: new Date(0) }, { v: [1, { a: null }] }, { v: null }],
    expected: {
      columns: ["v Utf8"],
      rows: [["1"], ['"1"'], ["true"], ['"1970-01-01T00:00:00.000Z"'], ['[1,{"a":null}]'], [null]],
    },
  },
  {
    name: "JSON keeps digits, sets, maps and bytes",
    rows: [{
      v: { n: 12345678901234567890n, s: new Set([1]), m: new Map([["k", NaN]]), b: new Uint8Array([1, 2]) },
    }],
    expected: {
      columns: ["v Utf8"],
      rows: [['{"n":12345678901234567890,"s":[1],"m":{"k":"NaN"},"b":"AQI="}']],
    },
  },
  {
    name: "what can say what it is in JSON is that",
    rows: [{ u: new URL("https://a.example/"), d: { toJSON: () => 5 } }],
    expected: { columns: ["u Utf8", "d Int64"], rows: [["https://a.example/", 5n]] },
  },
];

for (const { name, rows, expected } of CASES) {
  Deno.test(`rows of a script: ${name}`, async () => {
    deepEqual(await carried([rows]), [expected]);
    deepEqual(await carried(rows), [expected], "one by one");
  });
}

Deno.test("rows of a script: huge integers, instants and bytes have types of their own", async () => {
  const [batch] = await carried([[{
    h: -1n << 100n,
    i: new Date("2026-01-02T03:04:05.678Z"),
    b: new Uint8Array([0, 255]),
  }]]);
  deepEqual(batch?.columns, ["h FixedSizeBinary[16]", `i ${INSTANT}`, "b Binary"]);
  const [huge, instant, bytes] = batch?.rows[0] ?? [];
  deepEqual([...(huge as Uint8Array)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff]);
  equal(instant, Date.parse("2026-01-02T03:04:05.678Z"));
  deepEqual([...(bytes as Uint8Array)], [0, 255]);
});

Deno.test("rows of a script: arrays, columns and typed arrays give the same as objects", async () => {
  const columns = ["id Int64", "name Utf8"];
  const rows = [[1n, "a"], [2n, "b"]];
  deepEqual(await carried([[[1, "a"], [2, "b"]]], ["id", "name"]), [{ columns, rows }]);
  deepEqual(await carried([{ columns: { id: new Int32Array([1, 2]), name: ["a", "b"] } }]), [{
    columns,
    rows,
  }]);
  deepEqual(await carried([[{ id: 1, name: "a" }, { id: 2, name: "b" }]]), [{ columns, rows }]);
});

Deno.test("rows of a script: what changes after it was yielded is stored as it was", async () => {
  const row = { id: 0, at: new Date(0), tags: [0] };
  async function* script() {
    for (let i = 0; i < 3; i++) {
      row.id = i;
      row.at.setTime(i);
      row.tags[0] = i;
      yield row;
      await Promise.resolve();
    }
  }
  const frames: unknown[] = [];
  const written: Uint8Array[] = [];
  const channel = new Channel({
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(written.push(bytes.slice())).then(() => bytes.length),
  });
  const output = new Output(channel);
  for await (const given of script()) await output.take(given);
  await output.end();
  const batch = new RowsDecoder().decode((written[0] ?? new Uint8Array()).slice(HEAD_BYTES));
  for (let i = 0; i < 3; i++) {
    frames.push([0, 1, 2].map((column): unknown => batch.getChildAt(column)?.get(i)));
  }
  deepEqual(frames, [[0n, 0, "[0]"], [1n, 1, "[1]"], [2n, 2, "[2]"]]);
});

Deno.test("rows of a script: a type that grows in later batches is that of the later batches", async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ a: i, b: null }));
  const batches = await carried([many, [{ a: 0.5, b: "x" }]]);
  deepEqual(batches.map(({ columns, rows }) => [columns, rows.length]), [
    [["a Int64"], 16_384],
    [["a Float64", "b Utf8"], 3_617],
  ]);
  deepEqual((await carried([[{ a: null }]])).map(({ columns, rows }) => [columns, rows]), [[["a Utf8"], [[
    null,
  ]]]]);
  deepEqual(await carried([], ["a", "b"]), [{ columns: ["a Utf8", "b Utf8"], rows: [] }]);
  deepEqual(await carried([]), []);
});

const WRONG: readonly {
  readonly yields: readonly unknown[];
  readonly message: RegExp;
  readonly names?: string[];
}[] = [
  { yields: [[[1]]], message: /call ctx\.columns/ },
  { yields: [[[1], [1, 2]]], names: ["a"], message: /row 2 has 2 values, expected the 1 of ctx\.columns/ },
  { yields: [[{ a: 1 }, 5]], message: /row 2 is a number, expected an object/ },
  { yields: ["text"], message: /a string was yielded/ },
  { yields: [{ a: 1, A: 2 }], message: /row 1: "a" and "A" would be the same column/ },
  { yields: [{ "": 1 }], message: /row 1: "" is no name of a column/ },
  { yields: [{}], message: /row 1 has no column at all/ },
  { yields: [{ a: 1 }, { a: () => 1 }], message: /row 2, column "a": a function cannot be stored/ },
  { yields: [{ a: { b: Symbol("x") } }], message: /row 1, column "a": a symbol cannot be stored/ },
  {
    yields: [{ a: "ok" }, { a: "\ud800" }, { a: "\udc00" }],
    message: /row 2, column "a": a text has half of a character/,
  },
  { yields: [{ a: new Date(NaN) }], message: /row 1, column "a": it is no date/ },
  { yields: [{ a: { at: new Date(NaN) } }], message: /row 1, column "a": it is no date/ },
  { yields: [{ a: new Uint8Array(1) }, { a: "x" }], message: /column "a" has bytes in some rows/ },
  {
    yields: [{ columns: { a: [1], b: [1, 2] } }],
    message: /columns are not of one length: a has 1, b has 2/,
  },
];

for (const { yields, names, message } of WRONG) {
  Deno.test(`rows of a script are refused: ${message.source}`, async () => {
    await rejects(framesOf(yields, names), message);
  });
}

Deno.test("nothing of a frame is believed: each byte of it that is changed is refused or harmless", async () => {
  const rows = [{ a: 1, t: "äx", n: null, b: true }, { a: 2, t: "y", n: 5n, b: null }, {
    a: null,
    t: "",
    n: null,
    b: false,
  }];
  const [frame = new Uint8Array()] = await framesOf([rows]);
  const good = frame.slice(HEAD_BYTES);
  const decoder = new RowsDecoder();
  let refused = 0;
  for (let at = 0; at < good.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      const bytes = good.slice();
      bytes[at] = (bytes[at] ?? 0) ^ change;
      try {
        const batch = decoder.decode(bytes);
        // Whatever it says now, all of it can be read.
        for (const row of batch) row?.toJSON();
      } catch (error) {
        if (!(error instanceof FrameFault)) throw error;
        refused++;
      }
    }
    if (at % 7 === 0) throws(() => decoder.decode(good.slice(0, at)), FrameFault);
  }
  equal(refused > good.length, true, `${refused} of ${3 * good.length}`);
});

Deno.test("the description of a frame may not name a column twice, or more rows than a batch has", () => {
  const frame = (layout: unknown) => {
    const text = new TextEncoder().encode(JSON.stringify(layout));
    const bytes = new Uint8Array(8 + text.length);
    new DataView(bytes.buffer).setUint32(0, 8, true);
    bytes.set(text, 8);
    return bytes;
  };
  const column = { name: "a", type: "int64", nulls: 0, bytes: 0 };
  for (
    const layout of [
      { rows: 0, columns: [column, { ...column, name: "A" }] },
      { rows: 1e9, columns: [column] },
      { rows: 2, columns: [column] },
      { rows: -1, columns: [column] },
      { rows: 0, columns: [] },
      { rows: 0, columns: [{ ...column, type: "float8" }] },
      { rows: 0, columns: [{ ...column, bytes: 2 ** 40, type: "text" }] },
      { rows: 0, columns: [{ ...column, nulls: 1 }] },
      [],
    ]
  ) throws(() => new RowsDecoder().decode(frame(layout)), FrameFault, JSON.stringify(layout));
});
