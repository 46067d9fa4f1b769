import { DateDay, Decimal, Float64, Int64, Timestamp, Utf8 } from "apache-arrow";
import { createHmac } from "node:crypto";
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import type { ReadMessage } from "../../../../contract/connector/source.ts";
import { batchOf, testColumn } from "../../../support/arrow_rows.ts";
import { type Attempt, JobProject, statesOf } from "./job_fixture.ts";

const hash = (text: string) => createHmac("sha256", "pepper").update(text).digest("hex");

const PEOPLE = "id,email,born,paid\n1,ann@example.org,2001-02-03,12.50\n2,bo,1999-12-31,7.00\n3,,,\n";

/** The same rows as PEOPLE, as Arrow. */
async function* people(): AsyncIterable<ReadMessage> {
  const days = (text: string) => Date.parse(text) / 86_400_000;
  const batch = batchOf([
    testColumn("id", new Int64(), [1n, 2n, 3n]),
    testColumn("email", new Utf8(), ["ann@example.org", "bo", null]),
    testColumn("born", new DateDay(), [days("2001-02-03"), days("1999-12-31"), null]),
    testColumn("paid", new Decimal(2, 18, 128), [1250n, 700n, null]),
  ]);
  yield await Promise.resolve({ type: "rows", stream: "people", batch });
}

/** Runs one stream from memory and from a file, and gives its rows as text. */
async function bothWays(keys: Readonly<Record<string, unknown>>) {
  const found: unknown[][][] = [];
  for (
    const source of [{ connector: "it" }, {
      connector: "salted",
      path: "people.csv",
      options: { columns: { paid: "DECIMAL(18,2)" } },
    }]
  ) {
    await using project = await JobProject.create();
    await Deno.writeTextFile(join(project.path, "people.csv"), PEOPLE);
    const attempt = await project.attempt(
      { read: people },
      { extract: { people: { ...source, ...keys } } },
      {},
      {
        connectors: {
          it: { type: "memory", mask_salt: "pepper" },
          salted: { type: "file", mask_salt: "pepper" },
        },
      },
    );
    equal(attempt.error, undefined);
    found.push(
      (await project.rows("SELECT * FROM raw.people ORDER BY ALL")).map((row) => Object.values(row)),
    );
  }
  return found;
}

Deno.test("columns and exclude choose what is stored, in the source's order, whether it is read or scanned", async () => {
  for (const keys of [{ columns: ["Email", "id"] }, { exclude: ["paid", "BORN"] }]) {
    const [read, scanned] = await bothWays(keys);
    deepEqual(read, scanned);
    deepEqual(
      read,
      [["1", "ann@example.org"], ["2", "bo"], ["3", null]].map(([id, email]) => [Number(id), email]),
    );
  }
});

Deno.test("masks hide values alike on the way of Arrow and on that of DuckDB", async () => {
  const [read, scanned] = await bothWays({ mask: { email: "hash", born: "hash", paid: "hash" } });
  deepEqual(read, scanned);
  const sorted = (rows: unknown[][] | undefined) => rows?.toSorted((a, b) => Number(a[0]) - Number(b[0]));
  deepEqual(sorted(read), [
    [1, hash("ann@example.org"), hash("2001-02-03"), hash("12.50")],
    [2, hash("bo"), hash("1999-12-31"), hash("7.00")],
    [3, null, null, null],
  ]);
  const [last4, scanned4] = await bothWays({ mask: { email: "last4", born: "last4", paid: "redact" } });
  deepEqual(last4, scanned4);
  deepEqual(sorted(last4), [
    [1, "****.org", "****2-03", "[redacted]"],
    [2, "****", "****2-31", "[redacted]"],
    [
      3,
      null,
      null,
      null,
    ],
  ]);
});

Deno.test("mask null keeps the column's type and none of its values", async () => {
  const [read, scanned] = await bothWays({ mask: { paid: "null" }, columns: ["id", "paid"] });
  deepEqual(read, scanned);
  deepEqual(read?.map((row) => row[1]), [null, null, null]);
});

const step = (attempt: Attempt) =>
  attempt.steps.get("extract:people")?.error?.message ?? String(attempt.error);

Deno.test("where is DuckDB's SQL for files, and may read nothing but the row", async () => {
  await using project = await JobProject.create();
  await Deno.writeTextFile(join(project.path, "people.csv"), PEOPLE);
  const run = (where: string) => {
    const extract = { people: { connector: "files", path: "people.csv", where } };
    return project.attempt({ read: people }, { extract }, {}, { runId: where });
  };
  equal((await run("paid > 10 OR id = 3 -- those")).error, undefined);
  deepEqual(await project.rows("SELECT id FROM raw.people ORDER BY id"), [{ id: 1 }, { id: 3 }]);
  for (
    const [where, expected] of [
      ["id IN (SELECT 1 FROM read_csv('people.csv'))", /read_csv\(\) cannot be called here/],
      ["id IN (SELECT id FROM raw.people)", /may read no other table/],
      ["nothing = 1", /nothing/],
    ] as const
  ) {
    match(step(await run(where)), expected);
  }
});

Deno.test("what cannot be shaped fails the step and says why", async () => {
  await using project = await JobProject.create();
  let runs = 0;
  const run = (keys: Record<string, unknown>, system = { read: people }) =>
    project.attempt(system, { extract: { people: { connector: "it", ...keys } } }, {}, {
      runId: `r${runs++}`,
    });
  match(step(await run({ columns: ["mail"] })), /has no column "mail" \(it has id, email, born, paid\)/);
  match(step(await run({ where: "id > 1" })), /cannot filter; leave out where/);
  match(
    step(await run({ connector: "narrow", mask: { email: "hash" } })),
    /needs mask_salt on the connector "narrow"/,
  );
  const floats = {
    async *read(): AsyncIterable<ReadMessage> {
      const batch = batchOf([testColumn("x", new Float64(), [1.5])]);
      yield await Promise.resolve({ type: "rows", stream: "people", batch });
    },
  };
  match(step(await run({ mask: { x: "hash" } }, floats)), /"x" is Float64, .*use redact or null/);
  equal(statesOf(await run({ mask: { x: "redact" } }, floats))["extract:people"], "succeeded");
});

Deno.test("timestamps are masked by DuckDB's own text, before 1970 and with microseconds", async () => {
  await using project = await JobProject.create();
  const values = [-1n, 1_500_000n, 0n, -62_198_755_200_000_000n];
  const system = {
    async *read(): AsyncIterable<ReadMessage> {
      const batch = batchOf([
        testColumn("t", new Timestamp(2), values),
        testColumn("z", new Timestamp(2, "UTC"), values),
      ]);
      yield await Promise.resolve({ type: "rows", stream: "people", batch });
    },
  };
  const run = (runId: string, keys: Record<string, unknown>) =>
    project.attempt(system, { extract: { people: { connector: "it", ...keys } } }, {}, { runId });
  await run("r1", {});
  const texts = await project.rows(
    "SELECT t::VARCHAR AS t, z::VARCHAR AS z FROM raw.people ORDER BY people.t",
  );
  await run("r2", { mask: { t: "hash", z: "hash" } });
  const hashes = (await project.rows("SELECT t, z FROM raw.people")).map(({ t, z }) => `${t} ${z}`).sort();
  deepEqual(hashes, texts.map(({ t, z }) => `${hash(String(t))} ${hash(String(z))}`).sort());
});
