import { deepEqual } from "node:assert/strict";
import { columns, compileModels } from "../fixtures.ts";

const streams = { events: columns("id INTEGER, day DATE, ts TIMESTAMP, secs BIGINT") };

const faults = async (header: string, sql = "FROM raw.events") =>
  (await compileModels({ m: `/* @sluice\nmaterialized: incremental\n${header}\n*/\n${sql}` }, { streams }))
    .texts;

Deno.test("an update_key that has no place in a window of time is a fault", async () => {
  const windowed = "strategy: delete_insert\nupdate_key: ";
  const seen = "FROM raw.events WHERE ts >= getvariable('window_start')";
  deepEqual(await faults(`${windowed}ts\nbatch_size: 1h`, seen), []);
  deepEqual(await faults(`${windowed}day\nbatch_size: 1mo`, seen), []);
  deepEqual(await faults(`${windowed}day\nbatch_size: 1mo`), [
    "m.sql:5:13 the query reads neither getvariable('window_start') nor getvariable('window_end'), and so returns the " +
    "same rows for each window",
  ]);
  deepEqual(await faults(`${windowed}day\nbatch_size: 6h`, seen), [
    "m.sql:4:13 day is a DATE, so batch_size 6h must be whole days",
  ]);
  deepEqual(await faults(`${windowed}secs`, seen), [
    "m.sql:4:13 strategy: delete_insert needs a DATE or TIMESTAMP in the update_key, but secs is BIGINT; cast it, " +
    "or use partition_by",
  ]);
  deepEqual(await faults(`${windowed}tz`, seen), [
    "m.sql:4:13 update_key: the query has no column tz",
  ]);
});

Deno.test("partitions are columns or expressions of the row, and nothing else", async () => {
  const by = (list: string) => faults(`strategy: insert_overwrite\npartition_by: ${list}`);
  deepEqual(await by(`[day, "date_trunc('month', ts)", "id % 10", '"secs"']`), []);
  deepEqual(await by("[day, dya]"), [
    "m.sql:4:21 partition_by: the query has no column dya (did you mean day?)",
  ]);
  deepEqual(await by(`["date_trunc('month', tz)"]`), [
    'm.sql:4:16 partition_by: column "tz" does not exist (candidates: ts)',
  ]);
  deepEqual(await by(`["day +"]`), ['m.sql:4:16 partition_by: syntax error at or near ")"']);
  deepEqual(await by(`["getvariable('run_id')"]`), [
    "m.sql:4:16 partition_by: a variable is another one in each run, and a row's partition must not be",
  ]);
});

Deno.test("an expression of partition_by reaches no file, table or setting", async () => {
  for (
    const entry of [
      "(SELECT content FROM read_text('/etc/passwd'))",
      "(SELECT max(id) FROM raw.events)",
      "1) FROM read_text('/etc/passwd') AS t(a, b, c, d), (VALUES (1)) AS u(v",
      "getenv('HOME')",
      "1); DROP TABLE raw.events; SELECT (1",
    ]
  ) {
    const found = await faults(`strategy: insert_overwrite\npartition_by: ${JSON.stringify(entry)}`);
    deepEqual([entry, found.length > 0 && found.every((fault) => fault.includes("partition_by: "))], [
      entry,
      true,
    ]);
  }
});

Deno.test("what a history needs is looked for in its query", async () => {
  const history = async (header: string, sql = "FROM raw.events") =>
    (await compileModels({ m: `/* @sluice\nmaterialized: scd2\nprimary_key: [id]\n${header}\n*/\n${sql}` }, {
      streams,
    }))
      .texts;
  deepEqual(await history("update_key: ts\ncolumns: { is_current: { checks: [not_null] } }"), []);
  deepEqual(await history("update_key: secs"), [
    "m.sql:4:13 a version holds from its update_key on, which must be a DATE or TIMESTAMP of at most microseconds, " +
    "but secs is BIGINT; cast it, or leave update_key out to compare all columns",
  ]);
  deepEqual(await history("scd2: { valid_from: day }"), [
    "m.sql:4:7 the query has a column day, as the history: give those of the history other names, as " +
    "`scd2: { valid_from: since, valid_to: until, is_current: holds }`",
  ]);
  deepEqual(
    await history(
      "update_key: ts\ndeletes: soft",
      "SELECT * FROM raw.events WHERE ts > getvariable('cursor')",
    ),
    ["m.sql:7:37 deletes: soft ends what the query does not return, so it must return all rows, whatever cursor is"],
  );
  const { columns: found } = await compileModels({
    m: "/* @sluice\nmaterialized: scd2\nprimary_key: [id]\nscd2: { valid_to: until }\n*/\nSELECT id FROM raw.events",
    now: "SELECT id FROM m WHERE is_current AND until IS NULL",
  }, { streams });
  deepEqual(found["m"]?.map(({ name }) => name), ["id", "valid_from", "until", "is_current"]);
  deepEqual(found["now"]?.length, 1);
});

Deno.test("an ephemeral model has no table to load, and views name it as it is", async () => {
  const { texts } = await compileModels({
    e: "/* @sluice\nmaterialized: ephemeral\n*/\nSELECT id FROM raw.events",
    t: "SELECT id FROM main.e",
    v: "/* @sluice\nmaterialized: view\n*/\nSELECT id FROM main.e",
  }, { streams, loads: [{ path: ["load", "e"], name: "e" }] });
  deepEqual(texts, [
    "v.sql:4:16 e is ephemeral, and is no table: write e without main.",
    "load.e: the model e is ephemeral and has no table to load: make it a view or a table",
  ]);
});
