import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import { JsonNode } from "../../../../../connectors/files/json/json_node.ts";
import { JsonFault, JsonScanner } from "../../../../../connectors/files/json/json_scanner.ts";
import { surveyJson } from "../../../../../connectors/files/json/json_survey.ts";
import { KnownRecords, type LineWrap } from "../../../../../connectors/files/json/known_records.ts";
import { RecordSurvey } from "../../../../../connectors/files/json/record_survey.ts";
import { madeSet } from "../../../../../connectors/files/made_set.ts";
import { streamOptionsSchema } from "../../../../../connectors/files/options.ts";
import { DiskFile } from "../../../../../connectors/locations/disk/disk_file.ts";
import { AppError } from "../../../../../contract/errors.ts";

/** What is seen at a place, and below it. */
interface Seen {
  readonly facts: readonly unknown[];
  readonly fields: readonly (readonly [string, Seen])[];
  readonly item: Seen | undefined;
  readonly mapValue: Seen | undefined;
}

function seenAt(node: JsonNode): Seen {
  const { kinds, firstPlaces, integerDigits, isBeyond64, isBeyond128, hasInexactReal, hasPlainReals } = node;
  const { textKind, hasFarDate, hasKeysOfOneName, isUntyped, item, mapValue } = node;
  return {
    facts: [
      [kinds, [...firstPlaces], integerDigits, isBeyond64, isBeyond128, hasInexactReal, hasPlainReals],
      [textKind, hasFarDate, hasKeysOfOneName, isUntyped],
    ],
    fields: node.fields.map((field) => [field.key, seenAt(field.node)]),
    item: item === undefined ? undefined : seenAt(item),
    mapValue: mapValue === undefined ? undefined : seenAt(mapValue),
  };
}

interface Outcome {
  readonly seen: Seen;
  readonly lines: readonly string[];
  readonly fault: string | undefined;
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const COMMA = 0x2c;
const listOf = (records: readonly string[]) => encode(`[${records.join(",")},{}]`);

function outcome(root: JsonNode, lines: string[], read: () => void): Outcome {
  let fault: string | undefined;
  try {
    read();
  } catch (error) {
    ok(error instanceof JsonFault, String(error));
    fault = `${error.line}: ${error.message}`;
  }
  return { seen: seenAt(root), lines, fault };
}

/** The survey by the scanner alone, a record at a time. */
function scanned(records: readonly string[]): Outcome {
  const root = new JsonNode();
  const lines: string[] = [];
  return outcome(root, lines, () => {
    const scanner = new JsonScanner(0);
    scanner.isLast = true;
    const bytes = listOf(records);
    Object.assign(scanner, { bytes, end: bytes.length });
    for (let at = 1; at < bytes.length;) {
      const line = lines.length + 1;
      let end: number;
      try {
        scanner.line = line;
        end = scanner.record(at, root);
      } catch (error) {
        throw error instanceof JsonFault ? new JsonFault(line, error.message) : error;
      }
      lines.push(decode(bytes.subarray(at, end)).replaceAll(/[\r\n]/g, " "));
      at = end + 1;
      if (bytes[end] !== COMMA) return;
    }
  });
}

/** The survey of the records of a list, as those of an API's page are read. */
function surveyed(records: readonly string[]): Outcome {
  const survey = new RecordSurvey();
  const root = survey.of([]).root;
  const lines: string[] = [];
  return outcome(root, lines, () => {
    const bytes = listOf(records);
    for (let at = 1; at < bytes.length;) {
      const read = survey.readList(bytes, at, lines.length + 1);
      const text = bytes.slice(read.start, read.end);
      for (const comma of read.commas) text[comma] = 0x0a;
      equal(read.commas.length, read.records - 1);
      const parts = cut(text, read.commas).map((part) => part.trim());
      lines.push(...read.hasLineBreaks ? parts.map((part) => part.replaceAll(/[\r\n]/g, " ")) : parts);
      at = read.end + 1;
      if (bytes[read.end] !== COMMA) return;
    }
  });
}

function cut(text: Uint8Array, commas: Uint32Array): string[] {
  const ends = [...commas, text.length];
  return ends.map((end, index) => decode(text.subarray(index === 0 ? 0 : (ends[index - 1] ?? 0) + 1, end)));
}

/** The survey of a text of lines, as that of a file. */
function passedOver(records: readonly string[]): { readonly known: number; readonly seen: Seen } {
  const root = new JsonNode();
  const scanner = new JsonScanner(0);
  scanner.isLast = true;
  const known = new KnownRecords(root);
  scanner.bytes = encode(`${records.join("\n")}\n\0`);
  scanner.end = scanner.bytes.length - 1;
  let count = 0;
  for (let at = 0; at < scanner.end;) {
    const run = known.read(scanner.bytes, at, scanner.end, false);
    count += run?.records ?? 0;
    scanner.line += run?.lines ?? 0;
    at = scanner.skipSpace(run?.end ?? scanner.record(at, root));
  }
  equal(scanner.line, records.length + 1);
  return { known: count, seen: seenAt(root) };
}

/** The survey of records in lines of messages, as those of a tap; `known` of them the kernel has read. */
function unwrapped(records: readonly string[], wrap: LineWrap): Outcome & { readonly known: number } {
  const survey = new RecordSurvey();
  const lines: string[] = [];
  let known = 0;
  const before = decode(wrap.before);
  const messages = records.map((record, index) => {
    const time = wrap.last === undefined ? "" : `2024-01-01T00:00:${index}`;
    return `${before}${record}${decode(wrap.behind)}${time}${decode(wrap.last ?? new Uint8Array())}\n`;
  });
  const bytes = encode(messages.join(""));
  const found = outcome(survey.of([]).root, lines, () => {
    for (let at = 0; at < bytes.length;) {
      const run = survey.readWrapped(bytes, at, bytes.length, wrap);
      if (run !== undefined) {
        const read = decode(run.lines).split("\n");
        equal(read.pop(), "");
        equal(read.length, run.records);
        equal(run.longest, Math.max(...read.map((line) => encode(line).length)));
        lines.push(...read);
        known += run.records;
        at = run.end;
        continue;
      }
      const record = encode(records[lines.length] ?? "");
      const behind = survey.read(record, 0, lines.length + 1);
      lines.push(decode(record.subarray(0, behind)));
      if (behind < record.length) return;
      at = bytes.indexOf(0x0a, at) + 1;
    }
  });
  return { ...found, known };
}

const TEXTS = [
  '"2024-02-29"',
  '"1600-01-01"',
  '"2023-02-29"',
  '"0000-01-01"',
  '"2024-01-01T10:20"',
  '"2024-01-01 10:20:30.123456"',
  '"2024-01-01T10:20:30.123456789"',
  '"1600-01-01T10:20:30.123456789"',
  '"2024-01-01T10:20:30.1234567890"',
  '"2024-01-01T10:20:30Z"',
  '"2024-01-01T10:20:30.5+0530"',
  '"2024-01-01T10:20:30.5+05:30"',
  '"2024-01-01T10:20:60"',
  '"2024-01-01T10:20:30."',
  '"12:34:56"',
  '"12:34:56.789"',
  '"24:00:00"',
  '"a text of more than sixteen bytes, and of more than thirty-two"',
  '"é€😀 \\"quoted\\" \\u00e9\\ud83d\\ude00 \\\\ \\/ \\b\\f\\n\\r\\t"',
  '""',
];
const NUMBERS = [
  ..."0 -0 1 -12 123456789012345 1234567890123456 9007199254740993 1000000000000000000".split(" "),
  ..."9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809".split(" "),
  ..."18446744073709551616 99999999999999999999999999999999999999".split(" "),
  ..."170141183460469231731687303715884105727 170141183460469231731687303715884105728".split(" "),
  "1".repeat(45),
  ..."0.5 1.10 -0.0 0.0001 0.00001 1e5 1E+5 1.5e-7 1e400 -1e400 5e-324 0.1234567890123456".split(" "),
  ..."0.1 3.14159265358979323846 12345678901234.5 123456789012345.6 2.2250738585072014e-308".split(" "),
];
const WORDS = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
const WRONG = [
  ...'01 1. .5 - 1e 1e+ tru nul falsey nan [1,] [1 [ {] ] } {"a":1,} {"a" {"a":1,"a":2} +1'.split(" "),
  '"\\ud800"',
  '"\\udc00"',
  '"\\ud800\\u0041"',
  '"\\x"',
  '"\\u12"',
  '"a\tb"',
  '"a\0b"',
  '"open',
  "",
];
const DEEP = [
  "[".repeat(31) + "]".repeat(31),
  "[".repeat(33) + "]".repeat(33),
  '{"a":'.repeat(33) + "1" + "}".repeat(33),
];
const KEYS = ["a", "b", "long key with é", "A", "a\\u0062", "\\\\", "", "c\\n", "key_of_some_length", "d"];
const SPACES = ["", "", "", " ", "\n", "\r\n\t "];

const space = fc.constantFrom(...SPACES);
const plain = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 4, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 2, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.constantFrom(...DEEP) },
);
const object = (value: fc.Arbitrary<string>) =>
  fc.tuple(
    fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 5 }),
    fc.infiniteStream(fc.tuple(value, space)),
  )
    .map(([keys, values]) => {
      const members = keys.map((key) => {
        const { value: [text, gap] = ["1", ""] } = values.next();
        return `${gap}"${key}"${gap}:${gap}${text}${gap}`;
      });
      return `{${members.join(",")}}`;
    });
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    plain,
    fc.tuple(fc.array(tie("value"), { maxLength: 3 }), space).map(([items, gap]) =>
      `[${items.join(`,${gap}`)}${gap}]`
    ),
    object(tie("value")),
  ),
}));
const record = object(value);

/** Few texts, often: most of them are known then. */
const often = (texts: fc.Arbitrary<string>) =>
  fc.array(texts, { minLength: 1, maxLength: 4 }).chain((few) =>
    fc.array(fc.constantFrom(...few), { minLength: 1, maxLength: 40 })
  );

Deno.test("what a survey finds in a list is what the scanner finds in each of its records", () => {
  fc.assert(
    fc.property(often(record), (records) => {
      deepEqual(surveyed(records), scanned(records));
    }),
    { numRuns: 500 },
  );
});

Deno.test("what is no JSON is a fault of the record that it is in, however many known ones are before it", () => {
  fc.assert(
    fc.property(
      often(record),
      object(fc.constantFrom(...WRONG, ...TEXTS)),
      fc.nat(),
      (records, wrong, at) => {
        const mixed = records.toSpliced(at % records.length, 0, wrong);
        deepEqual(surveyed(mixed), scanned(mixed));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("values of one place are looked at one after the other", () => {
  const few = (values: readonly string[]) =>
    often(fc.constantFrom(...values).map((text) => `{"id":1,"value":${text}}`));
  for (const values of [TEXTS, NUMBERS, [...WORDS, "1", '"a"'], WRONG]) {
    fc.assert(
      fc.property(few(values), (records) => deepEqual(surveyed(records), scanned(records))),
      { numRuns: 200 },
    );
  }
});

const WRAPS: readonly LineWrap[] = [
  ['{"type": "RECORD", "stream": "orders", "record": ', "}", undefined],
  ['{"record":', ',"type":"RECORD","time_extracted":"', '","version":1}'],
  ["", "", undefined],
].map(([before = "", behind = "", last]) => ({
  before: encode(before),
  behind: encode(behind),
  last: last === undefined ? undefined : encode(last),
}));

Deno.test("records in lines that are the same but for them are those of the scanner", () => {
  const oneLine = record.map((text) => text.replaceAll(/[\r\n\t]/g, " "));
  const wrong = object(fc.constantFrom(...WRONG, ...TEXTS)).map((text) => text.replaceAll(/[\r\n]/g, " "));
  fc.assert(
    fc.property(often(oneLine), fc.option(wrong), fc.constantFrom(...WRAPS), (records, odd, wrap) => {
      const all = odd === null ? records : [...records, odd];
      const { known: _, ...found } = unwrapped([...all, "{}"], wrap);
      deepEqual(found, scanned(all));
    }),
    { numRuns: 500 },
  );
  const many = Array.from({ length: 20_000 }, (_, id) => `{"id":${id},"text":"${"é".repeat(id % 90)}"}`);
  for (const wrap of WRAPS) ok(unwrapped(many, wrap).known > 19_900);
});

Deno.test("nearly all records of a file are known, whatever of their keys is missing", () => {
  const records = Array.from({ length: 5000 }, (_, id) => {
    const other = id % 3 === 0 ? "" : `,"other":[${id % 7},{"at":"2024-01-0${id % 9 + 1}"}]`;
    return `{"id":${id % 1000},"name":"name ${id}"${other},"amount":${id % 100 / 4}}`;
  });
  const { known, seen } = passedOver(records);
  deepEqual(seen, scanned(records).seen);
  ok(known > 4900, String(known));
});

Deno.test("a record that is larger than the kernel's memory is read, and so are those around it", () => {
  const records = Array.from({ length: 400 }, (_, id) => {
    const length = id % 100 === 50 ? 1_100_000 : id % 10 === 0 ? 100_000 : 20;
    return `{"id":${id},"text":"${"x".repeat(length)}"}`;
  });
  const { known, seen } = passedOver(records);
  deepEqual(seen, scanned(records).seen);
  ok(known > 300, String(known));
});

/** What the survey of a file says; whoever hears of each record leaves none of them to the kernel. */
async function fileSurvey(path: string, isByScanner: boolean): Promise<unknown> {
  const file = new DiskFile(path, "a.json", await Deno.stat(path));
  const set = madeSet([file], "json", v.parse(streamOptionsSchema, {}), {});
  const root = new JsonNode();
  const hooks = isByScanner ? { onRecord: () => {} } : {};
  try {
    const { files: [first], maxRecordBytes } = await surveyJson(set, new Set(), undefined, root, hooks);
    return { seen: seenAt(root), layout: first?.layout, maxRecordBytes };
  } catch (error) {
    ok(error instanceof AppError, String(error));
    return error.message;
  }
}

Deno.test("the survey of a file is the same with the kernel and without it, however the records stand in it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-survey-" });
  try {
    const path = `${folder}/a.json`;
    const compare = async (text: string | Uint8Array) => {
      await Deno.writeFile(path, typeof text === "string" ? encode(text) : text);
      deepEqual(await fileSurvey(path, false), await fileSurvey(path, true));
    };
    const ways: readonly ((records: readonly string[], gap: string) => string)[] = [
      (records) => records.join("\n"),
      (records, gap) => `${gap}[${gap}${records.join(`${gap},${gap}`)}${gap}]${gap}`,
      (records, gap) => `\ufeff${records.join(`${gap}\r\n`)}${gap}`,
      (records, gap) => records.join(gap),
      (records) => `[${records.join(",")}`,
      (records) => `[${records.join("\n")}]`,
    ];
    const wrong = object(fc.constantFrom(...WRONG, ...TEXTS));
    const texts = fc.tuple(often(record), fc.option(wrong), fc.constantFrom(...ways), space);
    await fc.assert(
      fc.asyncProperty(texts, async ([records, odd, way, gap]) => {
        await compare(way(odd === null ? records : [...records, odd], gap));
      }),
      { numRuns: 300 },
    );
    const many = Array.from({ length: 40_000 }, (_, id) => {
      const more = id % 977 === 0 ? `,"more_${id}":${id}` : "";
      return `{"id":${id},"at":"2024-01-01T10:20:${id % 60}Z"${more},"tags":["${"x".repeat(id % 30)}"]}`;
    });
    for (const way of ways) await compare(way(many, "\n"));
    const latin = encode(many.join("\n"));
    latin[latin.indexOf(0x78, latin.length / 2)] = 0xe9;
    await compare(latin);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
