import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import type { JsonNode } from "../../../../connectors/files/json/json_node.ts";
import { RecordSurvey } from "../../../../connectors/files/json/record_survey.ts";
import { JsonText } from "../../../../connectors/http/rest/page/json_walk.ts";
import { ndjsonLines } from "../../../../connectors/http/rest/page/ndjson_lines.ts";
import { PageList } from "../../../../connectors/http/rest/page/page_list.ts";
import { RecordFile } from "../../../../connectors/http/rest/page/record_file.ts";
import { Scratch } from "../../../../connectors/locations/scratch.ts";

const seenAt = (node: JsonNode): unknown => [
  node.kinds,
  [...node.firstPlaces],
  node.integerDigits,
  node.textKind,
  node.fields.map(({ key, node }) => [key, seenAt(node)]),
  node.item && seenAt(node.item),
];

/** What is written of the lines of pages, without the space around values, and what the survey has seen; or the fault. */
async function written(folder: string, pages: readonly string[], isOneByOne: boolean): Promise<unknown> {
  await using scratch = new Scratch(folder);
  const survey = new RecordSurvey();
  await using file = await RecordFile.create(scratch, "a.ndjson", survey);
  let fault: unknown;
  try {
    for (const page of pages) {
      const text = new JsonText(new TextEncoder().encode(page));
      if (isOneByOne) {
        for (const piece of [...ndjsonLines(text)]) await file.add(text, piece, new Uint8Array());
      } else {
        const list = new PageList(text, file, survey);
        list.readLines();
        await list.write();
      }
    }
    await file.finish();
  } catch (error) {
    ok(error instanceof Error);
    fault = error.message;
  }
  const lines = (await Deno.readTextFile(file.path)).split("\n").map((line) => line.trim()).filter((line) =>
    line !== ""
  );
  // Up to a fault one way has written more than the other, and nobody reads it.
  return fault ?? { lines, records: file.records, seen: seenAt(survey.of([]).root) };
}

Deno.test("lines that are read many at a time are what they are one by one, and so is a fault", async () => {
  const value = fc.constantFrom(
    "1",
    "2.5",
    '"a"',
    "null",
    "[1]",
    '{"b":1}',
    '"2026-01-01"',
    "9007199254740993",
    "{}",
  );
  const key = fc.constantFrom("a", "b", "c");
  const good = fc.uniqueArray(key, { maxLength: 3 }).chain((keys) =>
    fc.tuple(...keys.map(() => value)).map((values) =>
      `{${keys.map((key, at) => `"${key}":${values[at]}`).join(",")}}`
    )
  );
  const odd = fc.constantFrom(
    ...[
      '{"a":1}{"a":2}',
      '{"a":1} 2',
      '{"a":\n1}',
      '{"a":\r1}',
      '{"a":1,"a":2}',
      "7",
      '"t"',
      "",
      "  ",
      '{"a":',
      "{]",
    ],
    ...['  {"a":1}\t', '{"a":01}', '"\n"', "[1,2]", '{"a":"\\ud800"}'],
  );
  const lines = fc.array(fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: odd }), {
    maxLength: 12,
  });
  const page = fc.tuple(lines, fc.constantFrom("\n", "\r\n", "\n\n"), fc.constantFrom("", "\n", "\ufeff"))
    .map((
      [texts, feed, mark],
    ) => mark === "\n" ? `${texts.join(feed)}\n` : `${mark}${texts.join(feed)}`);
  const folder = await Deno.makeTempDir({ prefix: "sluice-lines-" });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(page, { minLength: 1, maxLength: 3 }), async (pages) => {
        deepEqual(await written(folder, pages, false), await written(folder, pages, true));
      }),
      { numRuns: 400 },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
