import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type CsvDialect, CsvSplitter } from "../../../../connectors/files/csv/csv_records.ts";

const dialect: CsvDialect = {
  delimiter: ",",
  quote: '"',
  escape: '"',
  nulls: new Set([""]),
  quotedNull: false,
};

function split(pieces: readonly string[]) {
  const splitter = new CsvSplitter(dialect);
  const records = [];
  for (const piece of pieces) records.push(...splitter.push(piece, false));
  records.push(...splitter.push("", true));
  return records;
}

Deno.test("CsvSplitter gives back what was written, however the text is cut", () => {
  const value = fc.option(fc.stringMatching(/^[a-z,"\n\r é]{0,6}$/), { nil: null });
  const record = fc.array(value, { minLength: 2, maxLength: 4 });
  const cuts = fc.array(fc.nat(40), { maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 5 }),
      cuts,
      fc.constantFrom("\n", "\r\n"),
      (records, lengths, end) => {
        const text = records.map((values) =>
          values.map((v) => v === null ? "" : `"${v.replaceAll('"', '""')}"`).join(",") + end
        ).join("");
        const pieces: string[] = [];
        let rest = text;
        for (const length of lengths) {
          pieces.push(rest.slice(0, length));
          rest = rest.slice(length);
        }
        pieces.push(rest);
        deepStrictEqual(
          split(pieces).map((found) => found.kind === "record" ? found.values : found),
          records,
        );
      },
    ),
  );
});

Deno.test("CsvSplitter counts lines inside of quotes", () => {
  deepStrictEqual(split(['a,"x\ny"\nb,c\n']).map(({ line }) => line), [1, 3]);
});

Deno.test("CsvSplitter tells what is wrong and where", () => {
  deepStrictEqual(split(['a,b\n"x"y,c\n']).at(-1), { kind: "fault", line: 2, reason: "text_after_quote" });
  deepStrictEqual(split(['a,b\nc,"x\n\n']).at(-1), { kind: "fault", line: 2, reason: "unterminated_quote" });
});
