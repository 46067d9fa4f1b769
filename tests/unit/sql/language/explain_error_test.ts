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
