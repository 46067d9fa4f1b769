import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { openHistory } from "../../../../../server/cli/commands/queries/history_file.ts";
import { onOneLine, splitStatements } from "../../../../../server/cli/commands/queries/statements.ts";

Deno.test("splitStatements() ends statements at what DuckDB takes for their end", () => {
  const of = (text: string) => splitStatements(text).map(({ sql, isEnded }) => [sql, isEnded]);
  deepEqual(of("SELECT 1; SELECT ';' AS \";\"; -- ; no\n/* ; */ SELECT $$;$$"), [
    ["SELECT 1", true],
    ["SELECT ';' AS \";\"", true],
    ["SELECT $$;$$", false],
  ]);
  deepEqual(of("  ;; -- nothing\n"), []);
  deepEqual(of("SELECT 'not closed; "), [["SELECT 'not closed; ", false]]);
  deepEqual(splitStatements("-- a\n\nSELECT 1;\nSELECT\n2").map(({ line }) => line), [3, 4]);
});

Deno.test("onOneLine() joins the lines of a statement where that says the same", () => {
  equal(onOneLine("SELECT 1 -- one\n  , /* two */ 2\nFROM t;"), "SELECT 1 , 2 FROM t;");
  equal(onOneLine("SELECT 'a\nb'"), undefined);
});

Deno.test("openHistory() keeps what was asked in a file closed to others, and nothing without a home", async () => {
  const home = await Deno.makeTempDir({ prefix: "sluice-home-" });
  try {
    const first = await openHistory(home);
    deepEqual(first.entries, []);
    await first.add("SELECT 1;");
    await first.add("SELECT 'a\nb';");
    await first.add("SELECT 2;");
    const path = join(home, ".sluice_query_history");
    if (Deno.build.os !== "windows") equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await Deno.writeTextFile(path, "SELECT '\u001b[2J';\n", { append: true });
    if (Deno.build.os !== "windows") await Deno.chmod(path, 0o644);
    deepEqual((await openHistory(home)).entries, ["SELECT 2;", "SELECT 1;"]);
    if (Deno.build.os !== "windows") equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await Deno.writeTextFile(path, Array.from({ length: 3_000 }, (_, i) => `SELECT ${i};\n`).join(""));
    equal((await openHistory(home)).entries.length, 1_000);
    equal((await Deno.readTextFile(path)).split("\n")[0], "SELECT 2000;");
    const none = await openHistory(undefined);
    await none.add("SELECT 3;");
    deepEqual(none.entries, []);
    const broken = await openHistory(join(home, "not there"));
    await broken.add("SELECT 4;");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
