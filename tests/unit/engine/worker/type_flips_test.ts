import { deepEqual, equal, match, ok } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { JobProject } from "./job_fixture.ts";

/** A type that was guessed from one file says nothing about the next: no value changes, no run stops for it. */

const unused = () => {
  throw new Error("this stream is read from files");
};

/** Runs a stream over `data.csv` (or another name) once for each content; returns the table, or the error. */
async function runs(
  contents: readonly string[],
  stream: Readonly<Record<string, unknown>> = {},
  name = "data.csv",
): Promise<{ readonly error: unknown; readonly types: unknown; readonly rows: unknown }> {
  await using project = await JobProject.create();
  let error: unknown;
  for (const [i, content] of contents.entries()) {
    await Deno.writeTextFile(`${project.path}/${name}`, content);
    const definition = { extract: { t: { connector: "files", path: name, mode: "append", ...stream } } };
    const attempt = await project.attempt({ read: unused }, definition, {}, { runId: `r${i}` });
    error = attempt.error;
  }
  const types = (await project.rows("DESCRIBE raw.t")).map((row) => row["column_type"]);
  const table = await project.rows("SELECT COLUMNS(*)::VARCHAR FROM raw.t");
  return { error, types, rows: table.map((row) => Object.values(row).join("|")) };
}

Deno.test("a text column stays text, and the next file's values in it are given as they are written", async () => {
  deepEqual(await runs(["code\n007\nA1\n", "code\n1.10\nTRUE\n007\n", "code\n12\n2024-01-02\n"]), {
    error: undefined,
    types: ["VARCHAR"],
    rows: ["007", "A1", "1.10", "TRUE", "007", "12", "2024-01-02"],
  });
  deepEqual(
    (await runs(["code\n007\nA1\n", "code\n1.10\n"], { contract: { types: "freeze" } })).rows,
    ["007", "A1", "1.10"],
    "text that is read as text is no other type",
  );
});

Deno.test("a column takes the type that holds old and new values exactly, and becomes text where none does", async () => {
  deepEqual(await runs(["v\n1\n", "v\n1.5\n"]), {
    error: undefined,
    types: ["DOUBLE"],
    rows: ["1.0", "1.5"],
  });
  deepEqual(await runs(["v\n9007199254740993\n", "v\n1.5\n", "v\n0.10\n"]), {
    error: undefined,
    types: ["VARCHAR"],
    rows: ["9007199254740993", "1.5", "0.10"],
  });
  deepEqual(await runs(["v\n2024-01-02\n", "v\n2024-01-02 03:04:05\n"]), {
    error: undefined,
    types: ["TIMESTAMP"],
    rows: ["2024-01-02 00:00:00", "2024-01-02 03:04:05"],
  });
  deepEqual(await runs(["v\ntrue\n", "v\n5\n"]), {
    error: undefined,
    types: ["VARCHAR"],
    rows: ["true", "5"],
  });
});

Deno.test("JSON whose types flip between files stops no run and changes no value", async () => {
  const json = (...contents: readonly string[]) => runs(contents, {}, "data.ndjson");
  deepEqual(await json('{"v":"A1"}\n', '{"v":"2024-01-02"}\n{"v":7}\n'), {
    error: undefined,
    types: ["VARCHAR"],
    rows: ["A1", "2024-01-02", "7"],
  });
  deepEqual(await json('{"v":"0f8fad5b-d9cb-469f-a165-70867728950e"}\n', '{"v":"legacy-7"}\n'), {
    error: undefined,
    types: ["VARCHAR"],
    rows: ["0f8fad5b-d9cb-469f-a165-70867728950e", "legacy-7"],
  });
  deepEqual(
    (await json('{"v":"2024-01-02T00:00:00Z"}\n', '{"v":"2024-01-02T00:00:00.5Z"}\n')).rows,
    ["2024-01-02 00:00:00+00", "2024-01-02 00:00:00.5+00"],
  );
  deepEqual((await json('{"v":-1}\n', '{"v":18446744073709551615}\n')).rows, ["-1", "18446744073709551615"]);
  deepEqual((await json('{"v":{"a":1}}\n', '{"v":"text"}\n')).rows, ['{"a":1}', "text"]);
  deepEqual((await json('{"v":1}\n', '{"v":[1,2]}\n')).rows, ["1", "[1,2]"]);
});

Deno.test("no news is no error: a file of nothing but its header, or a column without values", async () => {
  const key = { mode: "incremental", primary_key: ["id"], update_key: "id" };
  deepEqual((await runs(["id,v\n1,2\n", "id,v\n", "id,v\n2,3\n"], key)).rows, ["1|2", "2|3"]);
  deepEqual((await runs(["id,v\n1,2\n", "id,v\n"], { update_key: "id" })).rows, ["1|2"]);
  deepEqual(await runs(["id,v\n1,\n", "id,v\n2,3\n", "id,v\n3,\n"]), {
    error: undefined,
    types: ["BIGINT", "BIGINT"],
    rows: ["1|null", "2|3", "3|null"].map((row) => row.replace("null", "")),
  });
});

Deno.test("an update_key never becomes text: its values would sort in another order", async () => {
  const key = { mode: "incremental", primary_key: ["id"], update_key: "id" };
  const { error, rows } = await runs(["id\n9\n10\n", "id\nA1\n"], key);
  ok(error instanceof AppError);
  equal(error.code, "invalid");
  match(error.message, /column "id" was BIGINT and is now VARCHAR, and it is the update_key/);
  deepEqual(rows, ["9", "10"]);
});

Deno.test("lag reads again what lies before the cursor, and says where it does not go with the update_key", async () => {
  const key = { update_key: "at", lag: "1h" };
  const first = "at,v\n2026-01-01 09:30:00,a\n2026-01-01 10:00:00,b\n";
  const late = "at,v\n2026-01-01 08:59:59,gone\n2026-01-01 09:15:00,late\n2026-01-01 10:30:00,c\n";
  deepEqual((await runs([first, first + late.slice(5)], key)).rows, [
    "2026-01-01 09:30:00|a",
    "2026-01-01 10:00:00|b",
    "2026-01-01 10:30:00|c",
    "2026-01-01 09:15:00|late",
  ]);
  const numbers = await runs(["at\n1000\n2000\n", "at\n1899\n1900\n2000\n2001\n"], {
    update_key: "at",
    lag: 100,
  });
  deepEqual(numbers.rows, ["1000", "2000", "2001", "1900"]);
  const { error } = await runs(["at\n1000\n", "at\n1001\n"], key);
  ok(error instanceof AppError);
  match(error.message, /lag: 1h does not go with update_key "at" of type BIGINT: it needs a number/);
});
