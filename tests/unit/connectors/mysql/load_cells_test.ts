import { strictEqual } from "node:assert/strict";
import { LoadDataCells, ValuesCells } from "../../../../connectors/mysql/load/encode/cells.ts";
import { fitOf } from "../../../../connectors/mysql/load/encode/fit.ts";
import { isJsonKept } from "../../../../connectors/mysql/load/encode/kept_json.ts";
import { calendarDay } from "../../../../connectors/mysql/load/encode/source_values.ts";
import { parseColumnType } from "../../../../connectors/mysql/load/column_type.ts";
import { randomFrom } from "../../../support/random.ts";

const decoder = new TextDecoder();

function written(cells: LoadDataCells | ValuesCells): string {
  const text = decoder.decode(cells.view());
  cells.clear();
  return text;
}

Deno.test("decimal() writes each number that a double holds with all digits of its scale", () => {
  const random = randomFrom(7);
  const cells = new LoadDataCells();
  const edges = [0, -0, 1, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 10 ** 15, 2 ** 53 - 1];
  const values = [
    ...edges,
    ...edges.map((value) => -value),
    ...Array.from(
      { length: 20_000 },
      () => Math.floor((random() - 0.5) * 2 ** (1 + Math.floor(random() * 53))),
    ),
  ];
  for (const value of values) {
    for (const scale of [0, 1, 2, 15, 38]) {
      cells.decimal(value, scale);
      const digits = String(Math.abs(value)).padStart(scale + 1, "0");
      const point = digits.length - scale;
      const expected = (value < 0 ? "-" : "") + digits.slice(0, point) +
        (scale === 0 ? "" : `.${digits.slice(point)}`);
      strictEqual(written(cells), expected);
    }
  }
});

Deno.test("calendarDay() is the day that Date has, before and after 1970 too", () => {
  for (let day = -719_162; day <= 2_932_896; day += 397) {
    strictEqual(calendarDay(day), new Date(day * 86_400_000).toISOString().slice(0, 10));
  }
  strictEqual(calendarDay(-719_163), "0000-12-31");
  strictEqual(calendarDay(-719_529), "-0001-12-31");
  strictEqual(calendarDay(2_932_897), "+10000-01-01");
});

Deno.test("rows are lines of LOAD DATA, or lists of VALUES", () => {
  const text = new TextEncoder().encode("it's\t\\\n\0é");
  for (
    const [cells, expected] of [
      [
        new LoadDataCells(),
        "\\N\t1.50\tit's\\t\\\\\\n\\0é\t\\\u0000\\\u00ff".replace("\\\u0000\\\u00ff", "\\0A"),
      ],
      [new ValuesCells(), "(NULL,1.50,'it''s\t\\\n\0é',x'0041'),"],
    ] as const
  ) {
    cells.null();
    cells.endField();
    cells.decimal(150, 2);
    cells.endField();
    cells.text(text, 0, text.length);
    cells.endField();
    cells.binary(Uint8Array.of(0, 0x41), 0, 2);
    cells.endField();
    cells.endRow();
    strictEqual(written(cells), cells instanceof ValuesCells ? expected : `${expected}\n`);
  }
});

Deno.test("isJsonKept() refuses what MySQL's own JSON would change", () => {
  for (
    const kept of [
      '{"a": [1.10, true, null, "x\\":"]}',
      "18446744073709551615",
      "-9223372036854775808",
      "1e300",
      '""',
    ]
  ) {
    strictEqual(isJsonKept(kept), true, kept);
  }
  for (
    const changed of [
      '{"a": 1, "a": 2}',
      "18446744073709551616",
      "0.12345678901234567890",
      "1e400",
      '{"a"',
      "",
    ]
  ) {
    strictEqual(isJsonKept(changed), false, changed);
  }
});

Deno.test("parseColumnType() reads what SHOW COLUMNS of both servers writes", () => {
  const members = parseColumnType("enum('a','it''s','x,y','(')", "latin1_swedish_ci");
  strictEqual(members.kind === "enum" && members.members.join("|"), "a|it's|x,y|(");
  const wide = parseColumnType("bigint(20) unsigned zerofill", "");
  strictEqual(wide.kind === "integer" && wide.max, 18446744073709551615n);
  const small = parseColumnType("mediumint", "");
  strictEqual(small.kind === "integer" && small.min, -8388608n);
  strictEqual(parseColumnType("point", "").kind, "unknown");
  const text = parseColumnType("varchar(12)", "utf8mb4_0900_ai_ci");
  strictEqual(text.kind === "text" && `${text.charset} ${text.maxCharacters}`, "utf8mb4 12");
});

Deno.test("a float goes with all digits: the server takes the shortest ones of the greatest for too large", () => {
  const fit = fitOf("float4", parseColumnType("float", ""));
  strictEqual(fit?.("3.4028235e+38"), "3.4028234663852886e+38");
  strictEqual(fit?.("-3.4028235e+38"), "-3.4028234663852886e+38");
  strictEqual(fit?.("0.1"), "0.10000000149011612");
  strictEqual(fitOf("float8", parseColumnType("double", ""))?.("0.1"), "0.1");
});
