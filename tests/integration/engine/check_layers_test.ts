import { deepEqual, equal, match, ok } from "node:assert/strict";
import { TestProject } from "../../support/test_project.ts";

/** Faults as `path:line: message`, and warnings marked. */
async function check(project: TestProject, ...args: string[]) {
  const { code, stdout } = await project.sluice("check", ["--json", ...args]);
  const report = JSON.parse(stdout);
  const lines: string[] = report.faults.map((fault: Record<string, unknown>) =>
    `${fault["file"]}:${fault["line"] ?? "?"}: ${fault["severity"] === "warning" ? "warning: " : ""}${
      fault["message"]
    }`
  );
  return {
    code,
    lines,
    has: (pattern: RegExp) =>
      ok(lines.some((line) => pattern.test(line)), `${pattern} in\n${lines.join("\n")}`),
  };
}

const SQL = {
  "transforms/p/wrong.sql": "SELECT\n  idd FROM raw.ok",
  "transforms/p/syntax.sql": "SELECT 1 AS a,\nFORM raw.ok x y",
};
const OK = "  ok: { connector: files, path: data/ok.csv }\n";

/** Faults of another layer, each of which once hid those of the SQL. */
const LAYERS: Readonly<
  Record<string, readonly [yaml: string, fault: RegExp, more?: Record<string, string>]>
> = {
  "an unknown key": [`colour: red\nextract:\n${OK}`, /pipelines\/p\.yaml:1: colour: unknown key/],
  "a wrong value": [
    `overlap: maybe\nextract:\n${OK}`,
    /pipelines\/p\.yaml:1: overlap: expected one of skip, queue/,
  ],
  "an unknown connector": [
    `extract:\n${OK}  other: { connector: nowhere, stream: x }\n`,
    /pipelines\/p\.yaml:3: extract\.other\.connector: unknown connector "nowhere"/,
  ],
  "a wrong mode": [
    `extract:\n${OK}  other: { connector: files, path: data/ok.csv, mode: fuul }\n`,
    /pipelines\/p\.yaml:3: extract\.other\.mode: expected one of/,
  ],
  "a stream without a connector": [
    `extract:\n${OK}  other: { path: data/ok.csv }\n`,
    /pipelines\/p\.yaml:3: extract\.other/,
  ],
  "a missing secret": [
    `extract:\n${OK}  other: { connector: shop, stream: x }\n`,
    /connectors\.yaml:4: Cannot resolve \$\{secret:SHOP_URL\} of connector "shop", key url/,
  ],
  "a missing secret of a load": [
    `extract:\n${OK}load:\n  ok: { connector: shop, table: t }\n`,
    /connectors\.yaml:4: Cannot resolve/,
  ],
  "a broken connector": [
    `extract:\n${OK}  other: { connector: odd, stream: x }\n`,
    /connectors\.yaml:5: odd\.type: unknown connector type "nosuch"/,
  ],
  "a forbidden path": [
    `extract:\n${OK}  other: { connector: files, path: /etc/passwd }\n`,
    /pipelines\/p\.yaml:3: .*may not read \/etc\/passwd/,
  ],
  "an empty file": [
    `extract:\n${OK}  other: { connector: files, path: data/empty.csv }\n`,
    /pipelines\/p\.yaml:3: .*it is empty/,
  ],
  "a model with a bad name": [
    `extract:\n${OK}`,
    /transforms\/p\/2x\.sql:1: the file's name is the table's name/,
    { "transforms/p/2x.sql": "SELECT 1 AS a" },
  ],
  "a wrong header": [
    `extract:\n${OK}`,
    /transforms\/p\/h\.sql:2: .*materialised/,
    { "transforms/p/h.sql": "/* @sluice\nmaterialised: view\n*/ SELECT 1 AS a" },
  ],
  "a wrong param": [
    `params: { since: { type: dat } }\nextract:\n${OK}`,
    /pipelines\/p\.yaml:1: params\.since\.type: expected one of/,
    { "transforms/p/v.sql": "SELECT getvariable('since') AS since" },
  ],
  "a wrong schedule": [
    `schedule: { cron: "61 * * * *" }\nextract:\n${OK}`,
    /pipelines\/p\.yaml:1: schedule\.cron/,
  ],
};

for (const [what, [yaml, fault, more = {}]] of Object.entries(LAYERS)) {
  Deno.test(`check tells the faults of the SQL beside ${what}`, async () => {
    await using project = await TestProject.create({
      "connectors.yaml": `files: { type: file }
shop:
  type: postgres
  url: "\${secret:SHOP_URL}"
odd: { type: ${what === "a broken connector" ? "nosuch" : "file"} }
`,
      "data/ok.csv": "id,day\n1,2024-01-01\n",
      "data/empty.csv": "",
      "pipelines/p.yaml": yaml,
      ...SQL,
      ...more,
    });
    const { code, lines, has } = await check(project);
    equal(code, 2);
    has(fault);
    has(/transforms\/p\/wrong\.sql:2: column "idd" does not exist \(did you mean id\?\)/);
    has(/transforms\/p\/syntax\.sql:2: /);
    const others = lines.filter((line) => !line.includes("warning") && !line.includes("see connectors.yaml"));
    equal(others.length, 3, lines.join("\n"));
  });
}

Deno.test("check --offline needs no secret and asks no source, and still checks all SQL", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": 'files: { type: file }\nshop: { type: postgres, url: "${secret:SHOP_URL}" }\n' +
      'near: { type: postgres, url: "postgres://u@127.0.0.1:1/x" }\n',
    "data/ok.csv": "id\n1\n",
    "pipelines/p.yaml": `extract:\n${OK}  orders: { connector: shop, stream: orders }\n` +
      "  near: { connector: near, stream: near }\n" +
      "load:\n  fine: { connector: shop, table: fine }\n",
    "transforms/p/fine.sql": "SELECT id, x FROM raw.ok JOIN raw.orders USING (id) JOIN raw.near USING (id)",
  });
  const strict = await check(project);
  equal(strict.code, 2);
  const offline = await check(project, "--offline");
  equal(offline.code, 0, offline.lines.join("\n"));
  deepEqual(
    offline.lines.filter((line) => line.includes("SHOP_URL")).map((line) => line.slice(0, 26)),
    ["connectors.yaml:2: warning"],
  );
  offline.has(/raw\.orders are not known/);
  ok(!offline.lines.some((line) => line.includes("127.0.0.1")), "nobody was asked");
  await project.write({ "transforms/p/wrong.sql": "SELECT idd FROM raw.ok" });
  const found = await check(project, "--offline");
  equal(found.code, 2);
  match(found.lines.join("\n"), /wrong\.sql:1: column "idd" does not exist/);
});

Deno.test("check tells what is wrong with SQL beside a definition that is no YAML, and nothing that is not", async () => {
  await using project = await TestProject.create({
    "pipelines/p.yaml": "extract:\n  ok: { connector: files, path: [\n",
    ...SQL,
    "transforms/p/fine.sql": "SELECT id, getvariable('any') AS v FROM raw.ok JOIN raw.\"other\" USING (id)",
    "transforms/p/lost.sql": "SELECT a FROM nosuch",
  });
  const { code, lines, has } = await check(project);
  equal(code, 2);
  has(/pipelines\/p\.yaml:\d: /);
  has(/transforms\/p\/syntax\.sql:2: /);
  has(/transforms\/p\/lost\.sql:1: table nosuch does not exist/);
  ok(!lines.some((line) => line.includes("fine.sql") || line.includes("wrong.sql")), lines.join("\n"));
});

Deno.test("check finds misspelt variables in the condition of a stream", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "data/ok.csv": "id\n1\n",
    "pipelines/p.yaml": "params: { least: { type: integer, default: 0 } }\nextract:\n" +
      "  ok:\n    connector: files\n    path: data/ok.csv\n    where: id > getvariable('leats')\n" +
      "  fine: { connector: files, path: data/ok.csv, where: \"id > getvariable('least') -- getvariable('x')\" }\n",
  });
  const { lines } = await check(project);
  deepEqual(lines, [
    "pipelines/p.yaml:6: extract.ok.where: there is no variable or param leats (did you mean least?)",
  ]);
});
