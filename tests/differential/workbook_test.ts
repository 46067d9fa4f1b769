import { deepStrictEqual } from "node:assert/strict";
import { Bool, DateDay, Field, Float64, Int64, Schema, TimestampMicrosecond, Utf8 } from "apache-arrow";
import { SECOND_READERS } from "../runner/second_readers.ts";
import { FileBench } from "../unit/connectors/files/file_bench.ts";

const SCRIPT = new URL("oracle/workbook.py", import.meta.url).pathname;

async function openpyxl(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.env.get(SECOND_READERS) ?? "python3", {
    args: [SCRIPT, ...args],
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const seed of [20_240_228, 20_240_229]) {
  Deno.test(`a workbook that openpyxl writes, in the system of ${seed % 2 === 1 ? 1904 : 1900}, is read alike`, async () => {
    await using bench = await FileBench.create();
    const written = await openpyxl("write", `${bench.folder}/a.xlsx`, "500", String(seed));
    const { types, rows } = await bench.read(
      "a.xlsx",
      {},
      "SELECT id, amount, day::VARCHAR, strftime(moment, '%Y-%m-%d %H:%M:%S.%g'), time::VARCHAR, flag::VARCHAR, " +
        "note, span::VARCHAR FROM t ORDER BY id",
    );
    deepStrictEqual(types.map((type) => type.split(" ")[1]), [
      "BIGINT",
      "DOUBLE",
      "DATE",
      "TIMESTAMP",
      "TIME",
      "BOOLEAN",
      "VARCHAR",
      "INTERVAL",
    ]);
    const alike = rows.map((row) =>
      row.map((value) => typeof value === "string" ? value.replace(/(:\d\d)\.000$/, "$1") : value)
    );
    deepStrictEqual(alike, written);
  });
}

Deno.test("a workbook that is written is read alike by openpyxl", async () => {
  await using bench = await FileBench.create();
  const rows = {
    select: `SELECT * FROM (VALUES
      (1::BIGINT, 0.1::DOUBLE, DATE '2024-02-29', TIMESTAMP '2024-02-29 23:59:59.999', '007', true),
      (1234567890123456789, 1e300, DATE '1900-01-01', TIMESTAMP '1900-03-01 00:00:00', '=1+1', false),
      (NULL, -0.30000000000000004, DATE '9999-12-31', TIMESTAMP '2024-01-01 00:00:00.000001', e' é😀\\n<&>', NULL)
    ) AS t(i, f, day, moment, t, b)`,
    schema: new Schema([
      new Field("i", new Int64(), true),
      new Field("f", new Float64(), true),
      new Field("day", new DateDay(), true),
      new Field("moment", new TimestampMicrosecond(), true),
      new Field("t", new Utf8(), true),
      new Field("b", new Bool(), true),
    ]),
  };
  await bench.load("a.xlsx", "", { rows });
  deepStrictEqual(await openpyxl("read", `${bench.folder}/a.xlsx`), [
    ["i", "f", "day", "moment", "t", "b"].map((name) => ["str", name]),
    [
      ["int", 1],
      ["float", 0.1],
      ["datetime", "2024-02-29 00:00:00"],
      ["datetime", "2024-02-29 23:59:59.999"],
      [
        "str",
        "007",
      ],
      ["bool", "true"],
    ],
    [
      ["str", "1234567890123456789"],
      ["float", 1e300],
      ["datetime", "1900-01-01 00:00:00"],
      [
        "datetime",
        "1900-03-01 00:00:00",
      ],
      ["str", "=1+1"],
      ["bool", "false"],
    ],
    [
      ["NoneType", null],
      ["float", -0.30000000000000004],
      ["datetime", "9999-12-31 00:00:00"],
      [
        "str",
        "2024-01-01 00:00:00.000001",
      ],
      ["str", " é😀\n<&>"],
      ["NoneType", null],
    ],
  ]);
});
