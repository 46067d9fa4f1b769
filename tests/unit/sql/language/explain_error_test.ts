import { deepStrictEqual, equal, match, ok, strictEqual } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { SqlError } from "../../../../contract/sql.ts";
import { explainSqlError, modelErrorPlace, toModelError } from "../../../../sql/language/explain_error.ts";
import { model, withSession } from "../fixtures.ts";

/** What DuckDB itself says of the query, on a database with a table `orders (id, amount, customer)`. */
async function errorOf(sql: string): Promise<SqlError> {
  return await withSession(async (session) => {
    await session.run("CREATE TABLE orders (id INTEGER, amount DOUBLE, customer VARCHAR)");
    try {
      await session.describe(sql);
    } catch (error) {
      if (error instanceof SqlError) return error;
      throw error;
    }
    throw new Error(`DuckDB has nothing against ${sql}`);
  });
}

const EXPLAINED: Readonly<Record<string, string>> = {
  "SELECT amuont FROM orders": 'column "amuont" does not exist (did you mean amount?)',
  "SELECT o.amuont FROM orders AS o": 'o has no column "amuont" (did you mean amount?)',
  "SELECT x.amount FROM orders": 'table "x" is not in FROM (candidates: orders)',
  "SELECT * FROM ordres": "table ordres does not exist (did you mean orders?)",
  "SELECT summ(amount) FROM orders": "function summ does not exist (did you mean sum?)",
  "SELECT st_point(1, 2)": "st_point is in DuckDB's extension spatial, and extensions are not loaded here",
  "FROM iceberg_scan('x')":
    "iceberg_scan is in DuckDB's extension iceberg, and extensions are not loaded here",
  "SELECT date_trunc(DATE '2024-01-01')":
    "date_trunc takes no (DATE): it takes (VARCHAR, DATE), (VARCHAR, INTERVAL), (VARCHAR, TIMESTAMP) or (VARCHAR, TIMESTAMP WITH TIME ZONE)",
  "SELECT coalesce(id, [1]) FROM orders":
    "Cannot mix values of type INTEGER and INTEGER[] in COALESCE operator - an explicit cast is required",
  "SELECT amuont": 'column "amuont" does not exist: there is no FROM',
  "SELECT amount::DECIMEL FROM orders": "type DECIMEL does not exist (did you mean DECIMAL?)",
};

for (const [sql, explained] of Object.entries(EXPLAINED)) {
  Deno.test(`explainSqlError() explains what is wrong with ${sql}`, async () => {
    equal(explainSqlError(await errorOf(sql)), explained);
  });
}

Deno.test("explainSqlError() lists what there is where nothing is near", async () => {
  match(
    explainSqlError(await errorOf("SELECT revenue FROM orders")),
    /^column "revenue" does not exist \(candidates: .*customer.*\)$/,
  );
});

Deno.test("explainSqlError() puts any other message on one line and cuts it where it is long", async () => {
  const error = await errorOf("SELECT id + [1] FROM orders");
  ok(!explainSqlError(error).includes("\n"));
  const long = new SqlError("invalid", `too\nlong ${"x".repeat(400)}`, { type: "Parser" });
  equal(explainSqlError(long).length, 301);
  ok(explainSqlError(long).startsWith("too long x"));
});

Deno.test("modelErrorPlace() counts from the model's own text, and gives the file alone where that is not it", () => {
  const daily = model("daily", "SELECT 1 AS one,\n  oops\n");
  const errorAt = (position: number) => new SqlError("invalid", "no", { type: "Binder", position });
  const prefix = "CREATE TABLE x AS\n";
  deepStrictEqual(modelErrorPlace(daily, errorAt(prefix.length + 19), prefix.length), {
    file: daily.path,
    line: 2,
    column: 3,
  });
  deepStrictEqual(modelErrorPlace(daily, errorAt(3), prefix.length), { file: daily.path });
  deepStrictEqual(modelErrorPlace(daily, new SqlError("invalid", "no", { type: "IO" })), {
    file: daily.path,
  });
});

Deno.test("toModelError() names the model and its file, keeps the code and leaves other errors as they are", () => {
  const daily = model("daily", "SELECT oops\n");
  const failure = new SqlError("unavailable", "IO trouble", { type: "IO", position: 7 });
  const error = toModelError(failure, daily, 0);
  ok(error instanceof SqlError);
  equal(error.code, "unavailable");
  equal(error.message, `Cannot build the model daily: ${daily.path}:1:8: IO trouble`);
  strictEqual(error.cause, failure);
  strictEqual(toModelError(error, daily, 0), error);
  for (
    const other of [new AppError("invalid", "x"), new SqlError("cancelled", "x", { type: "Interrupt" }), 5]
  ) {
    strictEqual(toModelError(other, daily, 0), other);
  }
});

Deno.test("explainSqlError() leaves out advice that cannot be followed here", () => {
  const error = new SqlError(
    "invalid",
    "Cannot do this. You can enable it: SET enable_this = true; INSTALL that; Consider another way.",
    { type: "Binder" },
  );
  equal(explainSqlError(error), "Cannot do this. Consider another way.");
});

/** Faults that DuckDB tells without a place, with the one that they get. */
const PLACES: Readonly<Record<string, string>> = {
  "SELECT\n  coalesce(id, [1]) FROM orders": "2:3",
  "SELECT 1\nUNION SELECT 1, 2": "2:1",
  "SELECT *\n  EXCLUDE (nope) FROM orders": "2:12",
  "SELECT *\n  REPLACE (1 AS nope) FROM orders": "2:17",
  "SELECT id FROM orders\nGROUP BY 3": "2:1",
  "SELECT id FROM orders\nHAVING id > 1": "2:1",
  "SELECT nope.id FROM orders\nJOIN (SELECT 1 AS q) s USING (nope)": "2:31",
  "SELECT * FROM orders\nASOF JOIN orders u ON orders.id = u.id": "2:1",
  "SELECT * FROM orders\nNATURAL JOIN (SELECT 1 AS q)": "2:1",
};

for (const [sql, place] of Object.entries(PLACES)) {
  Deno.test(`modelErrorPlace() finds a place in ${JSON.stringify(sql)}`, async () => {
    const { line, column } = modelErrorPlace(model("daily", sql), await errorOf(sql));
    equal(`${line}:${column}`, place);
  });
}
