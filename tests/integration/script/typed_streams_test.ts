import { deepEqual, equal, match } from "node:assert/strict";
import { linesOf, runUnderPolicy } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Types that streams of scripts declare, through a whole run: what is in raw has them, and so has what has no rows. */

const COPY = "export default async function* (ctx) { for await (const batch of ctx.input) yield batch; }\n";
const COLUMNS =
  '{ amount: "DECIMAL(18,2)", day: DATE, clock: TIME, at: TIMESTAMP, small: SMALLINT, id: UUID }';

const SCRIPTS: Readonly<Record<string, string>> = {
  "copied.ts": COPY,
  "empty_copied.ts": COPY,
  "copied_py.py": "def rows(ctx):\n    for batch in ctx.input:\n        yield batch\n",
  "named.ts": `export default function* () {
    yield [{ amount: 1, day: new Date("2024-02-29T00:00:00Z"), n: 5 }, { amount: "2.50", n: 6 }]; }\n`,
  "empty_named.ts": "export default function* () {}\n",
  "unfit.ts": `export default function* () { yield [{ amount: "1.00" }]; yield [{ amount: "1.005" }]; }\n`,
  "unfit_py.py": `def rows(ctx):\n    yield {"day": "2023-02-29"}\n`,
};

const PIPELINE = `extract:
  money: { connector: files, path: data/money.csv, options: { columns: ${COLUMNS} } }
  empty: { connector: files, path: data/empty.csv, options: { columns: ${COLUMNS} } }
  copied: { script: scripts/copied.ts, input: money, types: input }
  empty_copied: { script: scripts/empty_copied.ts, input: empty, types: input }
  copied_py: { script: scripts/copied_py.py, input: money, types: { clock: input, small: BIGINT } }
  named: { script: scripts/named.ts, types: { amount: "DECIMAL(18,2)", day: DATE, late: TIMESTAMPTZ } }
  empty_named: { script: scripts/empty_named.ts, types: { amount: "DECIMAL(18,2)" } }
  unfit: { script: scripts/unfit.ts, types: { amount: "DECIMAL(18,2)" } }
  unfit_py: { script: scripts/unfit_py.py, types: { day: DATE } }
transform: p
load:
  seen: { connector: files, path: out/seen.csv }
  shown: { connector: files, path: out/shown.csv }
`;
const STREAMS = ["copied", "empty_copied", "copied_py", "named", "empty_named"];

Deno.test("columns of scripts have the types that their stream declares, with rows and without", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": PIPELINE,
    "policy.yaml": "python: /usr/bin/python3\n",
    "data/money.csv":
      "amount,day,clock,at,small,id\n1.50,2024-02-29,10:30:00.000001,2024-01-31 10:30:00.000001,7,0f8fad5b-d9cb-469f-a165-70867728950e\n,,,,,\n",
    "data/empty.csv": "amount,day,clock,at,small,id\n",
    "transforms/p/seen.sql": STREAMS.map((name) =>
      `SELECT '${name}' AS stream, string_agg(column_name || ' ' || column_type, ', ') AS columns
       FROM (DESCRIBE raw.${name})`
    ).join("\nUNION ALL\n"),
    "transforms/p/shown.sql":
      "SELECT CAST(c AS VARCHAR) AS row FROM raw.copied AS c UNION ALL SELECT CAST(n AS VARCHAR) FROM raw.named AS n\n",
    ...Object.fromEntries(Object.entries(SCRIPTS).map(([name, code]) => [`scripts/${name}`, code])),
  });
  const { stdout, stderr } = await runUnderPolicy(project, "p", ["--json"]);
  match(stdout, /\S/, stderr);
  const { steps } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  const errors = new Map<string, string>(
    steps.map((
      step: { name: string; error: { message: string } | null },
    ) => [step.name, step.error?.message ?? ""]),
  );
  match(
    errors.get("extract:unfit") ?? "",
    /unfit\.ts: row 2: column "amount" is "1\.005", expected DECIMAL\(18,2\)/,
  );
  match(
    errors.get("extract:unfit_py") ?? "",
    /unfit_py\.py: row 1: column "day" is "2023-02-29", expected DATE/,
  );
  equal([...errors.values()].filter((message) => message !== "").length, 2, JSON.stringify([...errors]));
  const all = "amount DECIMAL(18,2), day DATE, clock TIME, at TIMESTAMP, small SMALLINT, id UUID";
  deepEqual((await linesOf(project, "seen")).slice(1).map((line) => line.replaceAll('"', "")), [
    `copied,${all}`,
    `empty_copied,${all}`,
    "copied_py,amount DECIMAL(18,2), day DATE, clock TIME, at TIMESTAMP, small BIGINT, id VARCHAR",
    "named,amount DECIMAL(18,2), day DATE, n BIGINT, late TIMESTAMP WITH TIME ZONE",
    "empty_named,amount DECIMAL(18,2)",
  ]);
  match(
    (await linesOf(project, "shown")).join("\n"),
    /'amount': 1\.50, 'day': 2024-02-29, 'clock': '?10:30:00\.000001'?, 'at': '?2024-01-31 10:30:00\.000001'?, 'small': 7/,
  );
});
