import { deepStrictEqual, ok } from "node:assert/strict";
import { FileBench } from "./file_bench.ts";

/** More rows than types are found from. */
const SAMPLE = 20_600;

/** The type, a value of the sample, and values behind it that fit and that do not. */
const LATE: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ["BIGINT", "12", ["-3"], [
    "+5",
    " 5",
    "5 ",
    "1e5",
    "0x10",
    "1_000",
    "007",
    "1.0",
    "9223372036854775808",
    "nan",
  ]],
  ["HUGEINT", "12345678901234567890", ["-3"], ["007", "1e5", "1.5"]],
  ["DOUBLE", "1.5", ["1e5", "-2.50", "nan", "-inf", "1e-300", "5e-324"], [
    "12345678901234567890",
    "0.12345678901234567890",
    "1_000",
    "1e-400",
    "1e400",
    "+5",
    " 1.5",
    "1.5 ",
    "0x10",
    "007",
    "1,5",
  ]],
  ["BOOLEAN", "true", ["FALSE"], ["t", "yes", "1", "on", " true"]],
  ["DATE", "2024-01-31", ["0001-01-01", "9999-12-31"], [
    "epoch",
    "infinity",
    "0000-01-01",
    "2024-1-5",
    "2024-02-30",
    "24-01-01",
    "2024/01/01",
    "2024-01-01 00:00:00",
    " 2024-01-31",
  ]],
  ["TIME", "10:00:00", ["23:59:59.123456"], [
    "24:00:00",
    "23:59:60",
    "10:00:00+02",
    "10:00:00.1234567",
    "1:15:00",
    "10:00",
  ]],
  ["TIMESTAMP", "2024-01-31 10:00:00", ["2024-01-31T10:00:00.123456", "2024-01-31"], [
    "epoch",
    "infinity",
    "2024-01-31 24:00:00",
    "2024-01-31 23:59:60",
    "2024-01-31 10:00:00.123456789",
    "2024-01-31 10:00:00Z",
    "0000-01-01 00:00:00",
  ]],
  ["TIMESTAMPTZ", "2024-01-31T10:00:00Z", ["2024-01-31 10:00:00.5+0530", "2024-01-31T10:00+02:00"], [
    "2024-01-31 10:00:00",
    "2024-01-31 10:00:00.123456789Z",
    "2024-01-31 10:00:00 Europe/Paris",
    "epoch",
  ]],
];

for (const [type, first, right, wrong] of LATE) {
  Deno.test(`CSV: behind the sample, a column of ${type} takes what fits exactly and nothing else`, async () => {
    await using bench = await FileBench.create();
    const sample = `v\n${`${first}\n`.repeat(SAMPLE)}`;
    await bench.write("right.csv", sample + right.map((value) => `${value}\n`).join(""));
    const { types, rows } = await bench.read("right.csv", {}, "SELECT count(*) FROM t");
    deepStrictEqual(types, [`v ${type === "TIMESTAMPTZ" ? "TIMESTAMP WITH TIME ZONE" : type}`]);
    deepStrictEqual(rows, [[SAMPLE + right.length]]);
    for (const value of wrong) {
      await bench.write("wrong.csv", `${sample}${value.includes(",") ? `"${value}"` : value}\n`);
      const found = await bench.failure("invalid", bench.read("wrong.csv"));
      const expected = `line ${SAMPLE + 2}: column "v" is "${value}", expected ${type}`;
      ok(found.includes(expected), found);
      // In the sample the same value makes the column text.
      await bench.write("short.csv", `v\n${first}\n${value.includes(",") ? `"${value}"` : value}\n`);
      const { types, rows } = await bench.read("short.csv");
      const kept = ["HUGEINT", "DOUBLE", "TIMESTAMP", "TIMESTAMP_NS"].find((other) =>
        types[0]?.endsWith(other)
      );
      if (kept === undefined) deepStrictEqual([types, rows], [["v VARCHAR"], [[first], [value]]]);
    }
  });
}

for (
  const [type, right, wrong] of [
    ["DOUBLE", [["+5", 5], [" 1.5 ", 1.5], ["007", 7]], [
      "1e400",
      "1e-400",
      "1_000",
      "12345678901234567890",
      "x",
    ]],
    ["FLOAT", [["1.5", 1.5]], ["16777217", "1e39"]],
    ["DECIMAL(10,2)", [["+5", "5.00"], [" 1.50", "1.50"], ["1.", "1.00"]], [
      "1.005",
      "1e2",
      "1_0",
      "999999999",
    ]],
    ["INTEGER", [["007", 7], ["+5", 5]], ["1.5", "1e2", "0x10", "1_000", "2147483648"]],
    ["BOOLEAN", [["yes", true], ["0", false]], ["maybe", "2"]],
    ["DATE", [["2024-1-5", "2024-01-05"], ["2024/01/05", "2024-01-05"], [
      "2024-01-05T00:00:00",
      "2024-01-05",
    ]], [
      "epoch",
      "24-01-01",
      "2024-01-05 10:00:00",
      "2024-02-30",
    ]],
    ["TIME", [["4:30:21", "04:30:21"], ["4:30", "04:30:00"]], [
      "10:00:00+02",
      "10:00:00.1234567",
      "24:00:00",
    ]],
    ["TIMESTAMP", [["2024-01-05 1:02:03", "2024-01-05 01:02:03"]], [
      "epoch",
      "2024-01-05 24:00:00",
      "2024-01-05Z",
    ]],
    ["TIMESTAMPTZ", [["2024-01-05 10:00:00 UTC", "2024-01-05 10:00:00+00"]], [
      "2024-01-05 10:00:00",
      "epoch",
    ]],
    ["UUID", [["123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000"]], [
      "1-23e4567-e89b-12d3-a456-42661417400",
      "x",
    ]],
    ["INTERVAL", [["1 day 02:00:00", "1 day 02:00:00"], ["0.5 seconds", "00:00:00.5"]], [
      "1.5 months",
      "0.0000001 seconds",
      "x",
    ]],
    ["INTEGER[]", [["[1, 2]", "[1, 2]"]], ["[1.5]", "[1_0]", "x"]],
  ] as readonly (readonly [string, readonly (readonly [string, unknown])[], readonly string[]])[]
) {
  Deno.test(`CSV: a column given as ${type} takes what it holds exactly, in other notations too`, async () => {
    await using bench = await FileBench.create();
    const options = { columns: { v: type } };
    await bench.write("a.csv", `i;v\n${right.map(([text], i) => `${i};${text}\n`).join("")}`);
    const { rows } = await bench.read("a.csv", { ...options, delimiter: ";" }, "SELECT v FROM t ORDER BY i");
    deepStrictEqual(rows.flat(), right.map(([, value]) => value));
    for (const value of wrong) {
      await bench.write("a.csv", `i;v\n1;${value}\n`);
      const found = await bench.failure("invalid", bench.read("a.csv", { ...options, delimiter: ";" }));
      ok(found.includes(`line 2: column "v" is "${value}", expected ${type}`), found);
    }
  });
}

Deno.test("CSV: numbers with groups of digits are read as an option says", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", 'i;d;t\n"1,234";1,234.5;12,34\n-12;0.5;x\n1,234,567;12;\n');
  const us = { delimiter: ";", thousands_separator: "," };
  deepStrictEqual(await bench.read("a.csv", us), {
    types: ["i BIGINT", "d DOUBLE", "t VARCHAR"],
    rows: [[1234, 1234.5, "12,34"], [-12, 0.5, "x"], [1_234_567, 12, null]],
  });
  await bench.write("b.csv", "v\n1.234.567,89\n1,5\n");
  const eu = { delimiter: ";", thousands_separator: ".", decimal_separator: "," };
  deepStrictEqual(await bench.read("b.csv", eu), { types: ["v DOUBLE"], rows: [[1_234_567.89], [1.5]] });
  deepStrictEqual(
    (await bench.read("b.csv", { ...eu, columns: { v: "DECIMAL(12,2)" } })).rows,
    [["1234567.89"], ["1.50"]],
  );
  await bench.write("c.csv", "v\n1 234,5\n1\u00a0234\n1\u202f234\n");
  deepStrictEqual((await bench.read("c.csv", { ...eu, thousands_separator: " " })).rows, [[1234.5], [1234], [
    1234,
  ]]);
  await bench.write("d.csv", "v\n12.34,5\n");
  ok(
    (await bench.failure("invalid", bench.read("d.csv", { ...eu, columns: { v: "DOUBLE" } }))).includes(
      '"12.34,5"',
    ),
  );
  ok(
    (await bench.failure("invalid", bench.read("d.csv", { thousands_separator: "." }))).includes(
      "thousands_separator",
    ),
  );
});

Deno.test("CSV: words and codes are no numbers where they stand alone", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", "name,room,x\nNan,1E5,nan\nInf,12E4,1.5\n");
  deepStrictEqual(await bench.read("a.csv"), {
    types: ["name VARCHAR", "room VARCHAR", "x DOUBLE"],
    rows: [["Nan", "1E5", "nan"], ["Inf", "12E4", 1.5]],
  });
});

Deno.test("CSV: a format of dates takes what is written in it, and names the line of another", async () => {
  await using bench = await FileBench.create();
  const options = { date_format: "%d/%m/%Y", timestamp_format: "%d/%m/%Y %H:%M:%S" };
  const sample = `d,ts\n${"01/02/2024,01/02/2024 10:00:00\n".repeat(SAMPLE)}`;
  for (const value of ["31/02/2024", "01/02/24", "2024-01-01", "01/02/2024 x", "1/2/20245"]) {
    await bench.write("a.csv", `${sample}${value},\n`);
    const found = await bench.failure("invalid", bench.read("a.csv", options));
    ok(found.includes(`line ${SAMPLE + 2}: column "d" is "${value}", expected DATE`), found);
  }
  await bench.write("a.csv", "ts\n2024-01-05 10:00\n");
  const timed = { columns: { ts: "DATE" }, date_format: "%Y-%m-%d %H:%M" };
  ok((await bench.failure("invalid", bench.read("a.csv", timed))).includes("line 2"));
});

Deno.test("CSV: dates that nanoseconds do not reach keep a column text", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", "v\n2024-01-05 10:00:00.123456789\n1600-01-01\n");
  deepStrictEqual((await bench.read("a.csv")).types, ["v VARCHAR"]);
});
