import { deepEqual, equal, match } from "node:assert/strict";
import { acquirePostgres } from "../../support/postgres.ts";
import type { LogLine } from "../../../contract/run.ts";
import type { StreamSchema } from "../../../contract/stream_schema.ts";
import { Served, step } from "../../support/served_project.ts";

const stream = (name: string, contract: string) =>
  `  ${name}: { connector: files, path: orders.csv, mode: incremental, primary_key: [id], update_key: id,
    contract: ${contract} }\n`;

Deno.test("contracts discard rows or values of new columns and other types, and tell of each", async () => {
  await using served = await Served.start({
    "orders.csv": "id,amount\n1,10\n2,20\n",
    "pipelines/p.yaml": "extract:\n" +
      stream("row", "{ columns: discard_row, types: discard_row }") +
      stream("value", "{ columns: discard_value, types: discard_value }") +
      stream("evolved", "{}"),
  });
  await served.succeed("p");
  await Deno.writeTextFile(
    `${served.project.projectDir}/orders.csv`,
    "id,amount,note\n2,20,\n3,thirty,\n4,40,late\n5,007,\n6,60,\n",
  );
  const run = await served.succeed("p");
  equal(step(run, "extract:row").rejects, 3);
  equal(step(run, "extract:value").rejects, 0);
  const rows = (name: string, columns = "id, amount") =>
    served.warehouse("p", `SELECT ${columns} FROM raw.${name} ORDER BY id`);
  deepEqual(await rows("row"), [["1", "10"], ["2", "20"], ["6", "60"]]);
  deepEqual(await rows("value"), [
    ["1", "10"],
    ["2", "20"],
    ["3", "null"],
    ["4", "40"],
    ["5", "null"],
    ["6", "60"],
  ]);
  deepEqual((await rows("evolved", "*")).at(3), ["4", "40", "late"]);
  deepEqual(
    await served.warehouse(
      "p",
      `SELECT reason, "row", by_contract FROM _sluice.rejects ORDER BY "row"::VARCHAR`,
    ),
    [
      ['column "amount" is "thirty", expected BIGINT', '{"id":3,"amount":"thirty","note":null}', "true"],
      [
        'column "note" is new, and the contract discards rows with new columns',
        '{"id":4,"amount":"40","note":"late"}',
        "true",
      ],
      ['column "amount" is "007", expected BIGINT', '{"id":5,"amount":"007","note":null}', "true"],
    ],
  );
  const logs = await served.server.call<LogLine[]>("GET", `/api/runs/${run.id}/logs`);
  const warned = logs.filter(({ level }) => level === "warn").map(({ step, message }) =>
    `${step}: ${message}`
  );
  for (
    const expected of [
      /extract:row: 1 row is kept aside, as the contract says/,
      /extract:row: 2 rows are kept aside/,
      /extract:value: Column "note": 1 value is not stored, as the contract says: the column is new/,
      /extract:value: Column "amount": 2 values are not stored, as the contract says: they are no BIGINT/,
      /extract:evolved: Schema of "evolved": column "note" is new \(VARCHAR\)/,
      /extract:evolved: Schema of "evolved": column "amount" was BIGINT and is now VARCHAR/,
    ]
  ) match(warned.join("\n"), expected);

  // The contract is changed, and the rows are put back.
  await Deno.writeTextFile(
    `${served.project.projectDir}/pipelines/p.yaml`,
    "extract:\n" + stream("row", "{ columns: evolve, types: discard_row }"),
  );
  await served.server.call("POST", "/api/apply");
  const replayed = await served.server.call<{ replayed: number; left: number }>(
    "POST",
    "/api/pipelines/p/rejects/row/replay",
  );
  deepEqual([replayed.replayed, replayed.left], [1, 2]);
  deepEqual(await rows("row", "*"), [
    ["1", "10", "null"],
    ["2", "20", "null"],
    ["4", "40", "late"],
    ["6", "60", "null"],
  ]);
});

Deno.test("a stream's schema history tells of new, dropped, renamed and widened columns, each once", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(
    "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x')",
  );
  await using served = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/p.yaml": `extract:
  kept: { connector: pg, stream: t, mode: incremental, primary_key: [id], update_key: id }
  whole: { connector: pg, stream: t }
`,
  });
  await served.succeed("p");
  await database.sql.unsafe(`ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t RENAME b TO c;
    INSERT INTO t VALUES (2, 5000000000, 'y')`);
  await served.succeed("p");
  await served.succeed("p");
  const schema = (name: string) =>
    served.server.call<StreamSchema>("GET", `/api/pipelines/p/schemas/${name}`);
  const kept = await schema("kept");
  deepEqual(kept.versions.map(({ version }) => version), [2, 1]);
  deepEqual(kept.versions[0]?.changes.map(({ kind, column }) => [kind, column]), [
    ["added", "c"],
    ["type", "a"],
    ["dropped", "b"],
    ["renamed", "c"],
  ]);
  deepEqual(kept.versions[0]?.missing, ["b"]);
  deepEqual((await schema("whole")).versions[0]?.changes.map(({ message }) => message), [
    'column "c" is new (VARCHAR)',
    'column "a" was INTEGER and is now BIGINT',
    'column "b": it is gone',
    'perhaps "b" was renamed to "c": rename: {c: b} on the stream keeps one column',
  ]);
  const { stdout } = await served.project.sluice("schema", ["p", "kept"]);
  match(stdout, /b +VARCHAR +not in the source any more/);
  match(stdout, /column "a" was INTEGER and is now BIGINT/);
});
