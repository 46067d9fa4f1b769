import { deepEqual, equal, ok } from "node:assert/strict";
import type { RevisionFile } from "../../../../contract/revision.ts";
import type { Column, SqlSession } from "../../../../contract/sql.ts";
import { compile } from "../../../../sql/compile/compile.ts";
import { CompileMemory } from "../../../../sql/compile/compile_memory.ts";
import { type ModelsMemory, modelsMemory, readModels } from "../../../../sql/language/files/read_models.ts";
import { seedText } from "../../../../sql/language/files/seeds.ts";
import { randomFrom } from "../../../support/random.ts";
import { columns, withSession } from "../fixtures.ts";

type Files = Readonly<Record<string, string>>;
type Streams = Readonly<Record<string, readonly Column[]>>;

async function compileFiles(
  session: SqlSession,
  files: Files,
  streams: Streams,
  memory?: { readonly read: ModelsMemory; readonly compiled: CompileMemory },
) {
  const list = Object.entries(files).map(([path, content]): RevisionFile => ({ path, content }));
  const { models, disabled, unreadable, macros, faults } = readModels(list, seedText, memory?.read);
  const bound: string[] = [];
  const compiled = await compile(session, {
    models,
    disabled,
    unreadable,
    macros,
    streams,
    params: {},
    loads: [{ path: ["load", "a"], name: "a", columns: [{ column: "id", path: ["primary_key", 0] }] }],
    onBind: (given) => {
      bound.push(...given.map(({ name }) => name));
      return { [Symbol.dispose]: () => {} };
    },
    ...(memory === undefined ? {} : { memory: memory.compiled }),
  });
  const found = {
    faults: [...faults, ...compiled.faults],
    columns: compiled.columns,
    order: compiled.graph.order,
  };
  return { found, bound };
}

const STREAMS: Streams = { s: columns("id INTEGER, day DATE, name VARCHAR") };

/** Each file's texts: right ones and broken ones, with columns and types that come and go. */
const TEXTS: Readonly<Record<string, readonly (string | undefined)[]>> = {
  "transforms/p/a.sql": [
    "SELECT id, day FROM raw.s",
    "SELECT id, day, name FROM raw.s",
    "SELECT id::VARCHAR AS id, day FROM raw.s",
    "SELECT id, id FROM raw.s",
    "SELECT id, FROM FROM raw.s WHERE",
    "SELECT nothing FROM raw.s",
    undefined,
  ],
  "transforms/p/b.sql": [
    "SELECT * FROM a",
    "SELECT id, twice(id) AS more FROM a",
    "/* @sluice\nmaterialized: ephemeral\n*/ SELECT * FROM a WHERE day = 5",
    "SELECT id FROM c",
    undefined,
  ],
  "transforms/p/c.sql": [
    "/* @sluice\ncolumns:\n  id: { checks: [not_null, { relationships: { to: a, column: id } }] }\n*/\nSELECT id FROM b",
    "/* @sluice\ncolumns:\n  id: { type: INTEGER, checks: [ sql: id > 0 ] }\n  gone: {}\n*/\nSELECT id FROM b",
    "/* @sluice\nchecks:\n  - { name: known, sql: SELECT * FROM c LEFT JOIN a USING (id) WHERE a.day IS NULL }\n*/\nSELECT id FROM b",
    "/* @sluice\nmaterialized: incremental\nstrategy: append\nupdate_key: day\n*/\nSELECT id, day FROM a WHERE day > getvariable('cursor')",
    "SELECT id FROM pairs()",
    "SELECT lag(id) FROM b",
  ],
  "macros/m.sql": [
    "CREATE MACRO twice(x) AS x * 2; CREATE MACRO pairs() AS TABLE SELECT id, id AS other FROM a",
    "CREATE MACRO twice(x) AS half(x); CREATE MACRO pairs() AS TABLE SELECT id FROM a",
    "CREATE MACRO half(x) AS x / 2; CREATE MACRO twice(x) AS half(x) * 4; CREATE MACRO pairs() AS TABLE SELECT id, name FROM a",
    undefined,
  ],
};

Deno.test("compile() with a memory finds what it finds without, after any change", async () => {
  const random = randomFrom(20261127);
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  await withSession(async (kept) => {
    const memory = { read: modelsMemory(), compiled: new CompileMemory(kept) };
    let files: Record<string, string> = {};
    let streams = STREAMS;
    for (let round = 0; round < 120; round += 1) {
      const path = pick(Object.keys(TEXTS)) ?? "";
      const text = pick(TEXTS[path] ?? []);
      const { [path]: _old, ...others } = files;
      files = text === undefined ? others : { ...others, [path]: text };
      if (round % 10 === 9) {
        streams = streams === STREAMS ? { s: columns("id BIGINT, day TIMESTAMP, name VARCHAR") } : STREAMS;
      }
      const ordered = Object.fromEntries(Object.entries(files).sort());
      const warm = await compileFiles(kept, ordered, streams, memory);
      const cold = await withSession((session) => compileFiles(session, ordered, streams));
      const show = (found: typeof warm.found) => JSON.stringify(found, null, 1);
      equal(
        show(warm.found),
        show(cold.found),
        `round ${round}: ${JSON.stringify(ordered)}\n${show(warm.found)}\n${show(cold.found)}`,
      );
    }
  });
});

Deno.test("compile() with a memory binds what has changed and what reads it, and nothing else", async () => {
  await withSession(async (session) => {
    const memory = { read: modelsMemory(), compiled: new CompileMemory(session) };
    const files = {
      "transforms/p/a.sql": "SELECT id, day FROM raw.s",
      "transforms/p/b.sql": "SELECT id FROM a",
      "transforms/p/c.sql": "SELECT id FROM b",
      "transforms/p/d.sql": "SELECT id FROM raw.s",
    };
    const boundBy = async (change: Files) => {
      Object.assign(files, change);
      const { found, bound } = await compileFiles(session, files, STREAMS, memory);
      deepEqual(found.faults, []);
      return bound.sort();
    };
    deepEqual(await boundBy({}), ["a", "b", "c", "d"]);
    deepEqual(await boundBy({}), []);
    deepEqual(await boundBy({ "transforms/p/d.sql": "SELECT id + 1 AS id FROM raw.s" }), ["d"]);
    // Its columns stay: what reads it sees nothing of the change.
    deepEqual(await boundBy({ "transforms/p/a.sql": "SELECT id, day FROM raw.s WHERE id > 0" }), ["a"]);
    deepEqual(await boundBy({ "transforms/p/a.sql": "SELECT id::BIGINT AS id, day FROM raw.s" }), [
      "a",
      "b",
      "c",
    ]);
  });
});

Deno.test("compile() with a memory has no table any more of a model that is gone", async () => {
  await withSession(async (session) => {
    const memory = { read: modelsMemory(), compiled: new CompileMemory(session) };
    const files = { "transforms/p/a.sql": "SELECT 1 AS x", "transforms/p/b.sql": "SELECT x FROM a" };
    await compileFiles(session, files, STREAMS, memory);
    equal((await session.rows("FROM duckdb_tables() WHERE table_name = 'a'")).length, 1);
    const { found } = await compileFiles(
      session,
      { "transforms/p/b.sql": "SELECT x FROM a" },
      STREAMS,
      memory,
    );
    equal((await session.rows("FROM duckdb_tables() WHERE table_name = 'a'")).length, 0);
    ok(found.faults.some(({ message }) => message.includes("a")));
  });
});
