import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { exactCast } from "../../../../connectors/text_cast/exact_cast.ts";
import { isExactDouble, timeKind } from "../../../../connectors/files/types/text_kind.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";

const ISO = { decimalSeparator: ".", dateFormat: undefined, timestampFormat: undefined } as const;

/** What each text becomes; null where it is refused. */
async function castAll(
  type: string,
  isGiven: boolean,
  texts: readonly string[],
): Promise<Record<string, unknown>> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [], threads: 1 });
  await using session = await database.session();
  const become: Record<string, unknown> = {};
  for (const text of texts) {
    try {
      const [row] = await session.rows(
        `SELECT CAST(${
          exactCast({ text: "t", type, isGiven, label: "x" }, ISO)
        } AS VARCHAR) AS v FROM (SELECT $1::VARCHAR AS t)`,
        [text],
      );
      become[text] = row?.["v"];
    } catch {
      become[text] = null;
    }
  }
  return become;
}

async function check(
  type: string,
  right: Record<string, string>,
  wrong: readonly string[],
  isGiven = true,
): Promise<void> {
  const refused = Object.fromEntries(wrong.map((text) => [text, null]));
  deepStrictEqual(
    await castAll(type, isGiven, [...Object.keys(right), ...wrong]),
    { ...right, ...refused },
    `${type} ${isGiven}`,
  );
}

Deno.test("exactCast() makes integers and decimals of what is written as one, and refuses what would be rounded", async () => {
  await check("BIGINT", { "1": "1", "-007": "-7", "9223372036854775807": "9223372036854775807" }, [
    "1.5",
    "1e2",
    "1_000",
    "0x1f",
    "9223372036854775808",
    "true",
    "",
  ]);
  await check("BIGINT", { "0": "0", "-12": "-12" }, ["007", "+5", "-0", "1.0", " 1"], false);
  await check("HUGEINT", { "12345678901234567890123": "12345678901234567890123" }, ["1.5"]);
  await check("UTINYINT", { "255": "255" }, ["256", "-1"]);
  await check(
    "DECIMAL(18,2)",
    { "1": "1.00", "1.5": "1.50", "1.2500": "1.25", "-.25": "-0.25" },
    ["1.005", "1e2", "1_0.5", "x"],
  );
  await check("DECIMAL(38,0)", {
    "12345678901234567890123456789012345678": "12345678901234567890123456789012345678",
  }, [
    "1.5",
    "123456789012345678901234567890123456789",
  ]);
  await check("decimal", { "1.125": "1.125" }, ["1.0005"]);
});

const DOUBLES = {
  right: [
    "0",
    "1",
    "0.1",
    "1.50",
    "-2.5e-3",
    "1E5",
    "5e-324",
    "1.7976931348623157e308",
    "0.30000000000000004",
    "0.10000000000000001",
    "9007199254740992",
    "12.500000000000000000",
    "100000000000000000000000",
  ],
  wrong: [
    "9007199254740993",
    "12345678901234567890",
    "0.1234567890123456789",
    "1e400",
    "1e-400",
    "1234567890123456.7",
    "5.1e-324",
  ],
};

Deno.test("exactCast() to DOUBLE keeps each digit, by the same rule as isExactDouble()", async () => {
  const become = await castAll("DOUBLE", true, [...DOUBLES.right, ...DOUBLES.wrong, "1_000", "0x10", ""]);
  for (const text of DOUBLES.right) {
    ok(isExactDouble(text), text);
    strictEqual(Number(become[text]), Number(text), text);
  }
  for (const text of DOUBLES.wrong) {
    ok(!isExactDouble(text), text);
    strictEqual(become[text], null, text);
  }
  deepStrictEqual([become["1_000"], become["0x10"], become[""]], [null, null, null]);
  await check("FLOAT", { "0.1": "0.1", "16777216": "16777216.0" }, ["16777217", "1e39", "0.123456789"]);
});

Deno.test("exactCast() reads dates and times in ISO's forms only, and drops no part of them", async () => {
  await check("DATE", {
    "2024-01-31": "2024-01-31",
    "2024-1-5": "2024-01-05",
    "2024-01-31 00:00:00": "2024-01-31",
    infinity: "infinity",
  }, ["epoch", "4-4-2", "31/01/2024", "2024-01-31 10:00:00", "2024-02-30", "2024-01-31T00:00:00+02:00"]);
  await check("DATE", { "2024-01-31": "2024-01-31" }, ["infinity", "2024-1-5"], false);
  await check("TIMESTAMP", {
    "2024-01-31": "2024-01-31 00:00:00",
    "2024-01-31T10:00": "2024-01-31 10:00:00",
    "2024-01-31 10:00:00.123456": "2024-01-31 10:00:00.123456",
    "2024-01-31 10:00:00.1234560": "2024-01-31 10:00:00.123456",
  }, ["epoch", "2024-01-31T10:00:00Z", "2024-01-31T10:00+02", "2024-01-31 10:00:00.1234567"]);
  await check("TIMESTAMP_NS", { "2024-01-31 10:00:00.123456789": "2024-01-31 10:00:00.123456789" }, []);
  await check("TIMESTAMP_S", { "2024-01-31 10:00:00": "2024-01-31 10:00:00" }, ["2024-01-31 10:00:00.5"]);
  await check("TIMESTAMP_MS", { "2024-01-31 10:00:00.500": "2024-01-31 10:00:00.5" }, [
    "2024-01-31 10:00:00.5001",
  ]);
  await check("TIMESTAMPTZ", { "2024-01-31T10:00:00+02:00": "2024-01-31 08:00:00+00" }, [
    "2024-01-31T10:00:00",
    "2024-01-31T10:00:00.1234567Z",
  ]);
  await check("TIME", { "10:00:00": "10:00:00", "1:15": "01:15:00" }, ["10:00:00+02", "25:00:00"]);
  await check("BOOLEAN", { yes: "true", "0": "false" }, ["maybe"]);
  await check("BOOLEAN", { TRUE: "true" }, ["t", "yes", "1"], false);
});

Deno.test("timeKind() tells only dates and times that can be read in one way", () => {
  const kinds = {
    "2024-01-31": "DATE",
    "2024-02-30": undefined,
    "0000-01-01": undefined,
    "4-4-2": undefined,
    "05-06-2024": undefined,
    infinity: undefined,
    epoch: undefined,
    "1:15:00": undefined,
    "01:15:00": "TIME",
    "2024-01-31T10:00": "TIMESTAMP",
    "2024-01-31 10:00:00.123456789": "TIMESTAMP_NS",
    "2024-01-31T10:00:00+02:00": "TIMESTAMPTZ",
    "2024-01-31T10:00:00.1234567Z": undefined,
    "2024-01-31T24:00:00": undefined,
  };
  for (const [text, kind] of Object.entries(kinds)) strictEqual(timeKind(text), kind, text);
});
