import { ok, strictEqual } from "node:assert/strict";
import { localNameOf, pathSqlOf } from "../../../../connectors/locations/remote/local_name.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";

const PATHS = [
  "/data/day=2024-01-31/a b+c.csv",
  "//leading",
  "/a",
  "/a/b",
  "/a/",
  "/../../etc/passwd",
  "/./x/..",
  "/50% off/%2F.csv",
  "/ünï/漢字🦆.csv",
  "/new\nline\ttab",
  "/$quo'te\"[*]?",
  `/${"é".repeat(500)}`,
  `/${"x".repeat(1024)}`,
  `/${"x".repeat(200)}`,
];

Deno.test("localNameOf() gives every path a name of its own that a disk can hold and SQL reads back", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-names-" });
  try {
    await using database = await openDatabase({
      path: ":memory:",
      tempDirectory: `${folder}/spill`,
      allowedDirectories: [],
    });
    const session = await database.session();
    const names = PATHS.map(localNameOf);
    strictEqual(new Set(names).size, PATHS.length);
    for (const [index, name] of names.entries()) {
      const parts = name.slice(1).split("/");
      ok(parts.every((part) => part.length <= 255 && part !== "" && part !== "." && part !== ".."), name);
      const path = `${folder}${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, "", { createNew: true });
      const literal = `'${path.replaceAll("'", "''")}'`;
      const [row] = await session.rows(`SELECT ${pathSqlOf(literal, folder)} AS path`);
      strictEqual(row?.["path"], PATHS[index]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
