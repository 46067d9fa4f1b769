import { deepEqual, equal } from "node:assert/strict";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import { likelyReasons } from "../../../../../engine/worker/replay/likely_reasons.ts";
import { setMoment } from "../../../../../engine/worker/replay/moment.ts";

/** All by which SQL can ask for the time. */
const CLOCKS = [
  "now()",
  "transaction_timestamp()",
  "get_current_timestamp()",
  "current_timestamp",
  "current_localtimestamp()",
  "localtimestamp",
  "current_date",
  "current_date()",
  "today()",
  "get_current_time()",
  "current_time",
  "current_localtime()",
  "localtime",
];

const THEN: Readonly<Record<string, string>> = {
  "TIMESTAMP WITH TIME ZONE": "2001-02-03 04:05:06.789012+00",
  "TIMESTAMP": "2001-02-03 04:05:06.789012",
  "DATE": "2001-02-03",
  "TIME WITH TIME ZONE": "04:05:06.789012+00",
  "TIME": "04:05:06.789012",
};

Deno.test("all that tells SQL the time tells that of then, with the types that it has", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const query = `SELECT ${
    CLOCKS.map((clock, i) => `typeof(${clock}) AS t${i}, ${clock}::VARCHAR AS v${i}`).join(", ")
  }`;
  const [now = {}] = await session.rows(query);
  await setMoment(session, "2001-02-03 04:05:06.789012+00");
  const [then = {}] = await session.rows(query);
  for (const [i, clock] of CLOCKS.entries()) {
    equal(then[`t${i}`], now[`t${i}`], clock);
    equal(then[`v${i}`], THEN[String(now[`t${i}`])], clock);
  }
});

Deno.test("what need not give the same rows twice is named", () => {
  deepEqual(likelyReasons("SELECT id, amount FROM raw.orders WHERE randomized > 1 ORDER BY id"), []);
  const reasons = likelyReasons('SELECT uuid(), "first" (x), sum(y) FROM raw.orders TABLESAMPLE 10% LIMIT 5');
  deepEqual(reasons, [
    "it calls uuid()",
    "it takes a sample of rows",
    "first() depends on the order of rows, where that is not said",
    "LIMIT takes any rows, where ORDER BY leaves the choice",
    "a sum of DOUBLE depends on the order of rows in its last digits",
  ]);
});
