import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { JobProject, rows } from "./job_fixture.ts";

Deno.test("each step says in one line what it did, with rows, bytes, files and time", async () => {
  await using project = await JobProject.create();
  await Deno.writeTextFile(join(project.path, "a.csv"), "id\n1\n2\n");
  await Deno.writeTextFile(join(project.path, "b.csv"), "id\n3\n");
  const definition = {
    resources: { threads: 1 },
    extract: { s: { connector: "it" }, f: { connector: "files", path: "*.csv" } },
    load: { t: { connector: "it", table: "t" } },
  };
  const models = {
    t: "/* @sluice\ncolumns: { id: { checks: [not_null] } }\n*/\nSELECT * FROM raw.s",
    u: "/* @sluice\nmaterialized: view\n*/\nSELECT * FROM raw.f",
  };
  const read = async function* () {
    yield await Promise.resolve(rows("s", [1, "a"], [2, "b"]));
  };
  const { reports, error } = await project.attempt({ read, load: () => {} }, definition, models);
  equal(error, undefined);
  const lines = reports.flatMap((report) =>
    report.type === "log" && !report.message.startsWith("Begins") ? [report] : []
  );
  for (const { message } of lines) match(message, / in \d[\d.]* m?s$/);
  deepEqual(
    Object.fromEntries(lines.map(({ step, message }) => [step, message.replace(/ in [\d.]+ m?s$/, "")])),
    {
      "extract:s": "2 rows, 24 B",
      "extract:f": "3 rows, 12 B from 2 files",
      "model:t": "table, 2 rows",
      "check:t.not_null_id": "No row fails it, found",
      "model:u": "view",
      "load:t→it": "2 rows",
    },
  );
});

Deno.test("a later attempt says which steps an earlier one has done", async () => {
  await using project = await JobProject.create();
  const read = async function* () {
    yield await Promise.resolve(rows("s", [1, "a"]));
  };
  const definition = { extract: { s: { connector: "it" } } };
  await project.attempt({ read }, definition);
  const { reports } = await project.attempt({ read }, definition, {}, { attempt: 2 });
  const messages = reports.flatMap((report) => report.type === "log" ? [report.message] : []);
  deepEqual(messages, ["Done already in attempt 1: not done again"]);
});
