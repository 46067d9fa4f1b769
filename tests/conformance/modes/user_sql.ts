import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { Bench, failureOf, OTHER_ROWS, TWO_ROWS } from "../bench.ts";
import type { Fixture } from "../fixture.ts";

/** pre_sql and post_sql, of destinations of SQL. */
export function registerUserSql({ name, modes, ...fixture }: Fixture): void {
  // What keeps histories has SQL.
  if (!modes.includes("scd2")) return;
  const start = () => Bench.start({ name, modes, ...fixture });
  const tableOf = (bench: Bench, table: string) => String(bench.system.target(table)["table"]);

  Deno.test(`${name}: pre_sql and post_sql are run with each load, in their order, and not again with one that is repeated`, async () => {
    await using bench = await start();
    const [target, notes] = [tableOf(bench, "t"), tableOf(bench, "notes")];
    await bench.load("notes", "SELECT 0 AS id, 'first; not' AS name", { loadId: "n", mode: "replace" });
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    const note = (id: number) => `INSERT INTO ${notes} SELECT ${id}, min(name) FROM ${target}`;
    const load = {
      loadId: "b",
      mode: "replace",
      keys: {
        pre_sql: [`-- a note; of two statements\n${note(1)};\n${note(2)} ;`, "/* nothing; */"],
        post_sql: `${note(3)}; UPDATE ${notes} SET name = replace('it''s; #', '#', name) WHERE id = 3`,
      },
    } as const;
    const receipt = await bench.load("t", OTHER_ROWS, load);
    const expected = ['["0","first; not"]', '["1","a"]', '["2","a"]', `["3","it's; B"]`];
    deepStrictEqual(await bench.rowsBack("notes"), expected);
    deepStrictEqual(await bench.load("t", OTHER_ROWS, load), { ...receipt, repeated: true });
    deepStrictEqual(await bench.rowsBack("notes"), expected);
  });

  Deno.test(`${name}: post_sql that fails is named, and leaves everything as it was`, async () => {
    await using bench = await start();
    const [target, notes] = [tableOf(bench, "t"), tableOf(bench, "notes")];
    await bench.load("notes", "SELECT 0 AS id, '' AS name", { loadId: "n", mode: "replace" });
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    const keys = {
      pre_sql: `INSERT INTO ${notes} SELECT 1, 'pre' FROM ${target}`,
      post_sql: [`INSERT INTO ${notes} SELECT 2, 'post' FROM ${target}`, "SELECT * FROM there_is_none"],
    };
    const load = { loadId: "b", mode: "merge", primaryKey: ["id"] } as const;
    const error = await failureOf(() => bench.load("t", OTHER_ROWS, { ...load, keys }));
    ok(error.message.includes("statement 2 of post_sql"), error.message);
    ok(error.message.includes("there_is_none"), error.message);
    deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
    deepStrictEqual(await bench.rowsBack("notes"), ['["0",""]']);
    strictEqual((await bench.load("t", OTHER_ROWS, load)).repeated, false);
  });

  for (const statement of ["COMMIT", "begin; select 1", "/* x */ ROLLBACK", "End"]) {
    Deno.test(`${name}: pre_sql may not end the load's transaction: ${statement}`, async () => {
      await using bench = await start();
      const keys = { pre_sql: ["SELECT 1", statement] };
      const error = await failureOf(() => bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace", keys }));
      strictEqual(error.code, "invalid");
      ok(error.message.includes("statement 2 of pre_sql"), error.message);
      await rejects(bench.readBack("t"), AppError);
    });
  }
}
