import { deepEqual, equal, match, ok } from "node:assert/strict";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { inS3, onDisk } from "../../support/file_places.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

/** Large JSON files are read by what they begin with, and in the end by what all of their records hold. */

const RECORDS = 100_000;
/** Of them DuckDB alone would see a sample. */
const RECORD = (id: number) =>
  `{"id":${id},"price":${id % 1000},"day":"2024-02-0${1 + id % 9}","note":"${"x".repeat(160)}"}\n`;

function fileOf(...last: readonly string[]): Uint8Array {
  const lines = Array.from({ length: RECORDS }, (_, id) => RECORD(id)).join("");
  const bytes = new TextEncoder().encode(lines + last.map((line) => `${line}\n`).join(""));
  ok(bytes.length > 16 * 1024 * 1024);
  return bytes;
}

async function ask({ folder }: WorkerProject, sql: string): Promise<unknown[][]> {
  await using database = await openDatabase({
    path: `${folder}/data/p.duckdb`,
    allowedDirectories: [folder],
  });
  await using session = await database.session();
  return (await session.rows(sql)).map((row) => Object.values(row));
}

const COLUMNS =
  "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 's' AND schema_name = 'raw'" +
  " AND column_name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY column_index";
const SUMS = "SELECT count(*)::INTEGER, sum(id)::BIGINT::VARCHAR, count(DISTINCT day)::INTEGER FROM raw.s";
const SUM = (RECORDS * (RECORDS - 1) / 2).toString();

const LATE: readonly (readonly [string, string, readonly string[]])[] = [
  ["a number with a point", '{"id":0,"price":1.25,"day":"2024-02-01","note":""}', [
    "BIGINT",
    "DOUBLE",
    "DATE",
    "VARCHAR",
  ]],
  ["an integer of many digits", '{"id":0,"price":18446744073709551616,"day":"2024-02-01","note":""}', [
    "BIGINT",
    "HUGEINT",
    "DATE",
    "VARCHAR",
  ]],
  ["a text where dates were", '{"id":0,"price":1,"day":"infinity","note":""}', [
    "BIGINT",
    "BIGINT",
    "VARCHAR",
    "VARCHAR",
  ]],
  ["a new key", '{"id":0,"price":1,"day":"2024-02-01","note":"","more":true}', [
    "BIGINT",
    "BIGINT",
    "DATE",
    "VARCHAR",
    "BOOLEAN",
  ]],
  ["a record of several lines", '{"id":0,"price":1,\n"day":"2024-02-01","note":""}', [
    "BIGINT",
    "BIGINT",
    "DATE",
    "VARCHAR",
  ]],
];

for (
  const [place, start] of [
    ["the disk", (folder: string) => Promise.resolve(onDisk(`${folder}/project/in`))],
    ["a bucket", inS3],
  ] as const
) {
  Deno.test(`a large JSON file of ${place} gets the types of all its records, the last ones too`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-guess-" });
    try {
      await using files = await start(folder);
      const pipeline = { extract: { s: { connector: "from", path: "a.ndjson" } } };
      const project = { folder, connectors: { from: files.connector }, pipeline };
      await files.put("a.ndjson", fileOf());
      const { log } = await succeed(project, { runId: "alike", attempt: 1, models: {} });
      ok(!/begins with/.test(log.join("\n")), "nothing was read twice");
      deepEqual(await ask(project, SUMS), [[RECORDS, SUM, 9]]);
      deepEqual((await ask(project, COLUMNS)).map(([, type]) => type), [
        "BIGINT",
        "BIGINT",
        "DATE",
        "VARCHAR",
      ]);

      for (const [what, line, types] of place === "the disk" ? LATE : LATE.slice(0, 1)) {
        await files.put("a.ndjson", fileOf(line));
        const again = await succeed(project, { runId: what, attempt: 1, models: {} });
        match(again.log.join("\n"), /a\.ndjson" begins with is not what all of it holds/, what);
        deepEqual((await ask(project, COLUMNS)).map(([, type]) => type), types, what);
        equal((await ask(project, SUMS))[0]?.[0], RECORDS + 1, what);
      }

      const before = await ask(project, SUMS);
      await files.put("a.ndjson", fileOf('{"id":7', '{"id":8,"price":1,"day":"2024-02-01","note":""}'));
      const { error } = await attemptInProcess(project, { runId: "broken", attempt: 1, models: {} });
      match(error?.message ?? "", new RegExp(`a\\.ndjson" line ${RECORDS + 2}: expected a comma`));
      equal(error?.code, "invalid");
      deepEqual(await ask(project, SUMS), before, "what was there stays");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
