import { deepEqual, equal, match } from "node:assert/strict";
import { linesOf } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Scripts that are given the rows of other streams, through whole runs: each stream is a case. */

const source = (body: string) => `export default async function* (ctx) { ${body} }\n`;

const ROWS = Array.from(
  { length: 10_000 },
  (_, i) => `${i}, N${i % 7}@Example.com ,${i % 3 === 0 ? "" : "0.5"}`,
);

const SCRIPTS: Readonly<Record<string, string>> = {
  clean: source(`
    const sizes = [];
    for await (const batch of ctx.input) {
      sizes.push(batch.length);
      yield batch.filter((row) => row.amount !== null).map((row) => ({ ...row, email: row.email.trim().toLowerCase() }));
    }
    for await (const _ of ctx.input) throw new Error("there is no more");
    ctx.log.info("batches " + sizes + " of " + Object.keys(ctx).includes("input"));`),
  exact: source(`yield [
    { big: 1n << 80n, long: 9007199254740993n, half: NaN, at: new Date(1.5e12), bytes: new Uint8Array([0, 255]), doc: [9007199254740993n, { a: 1.5 }], none: null },
  ];`),
  seen: source(`
    for await (const batch of ctx.input) {
      for (const [column, value] of batch.length > 1 ? [] : Object.entries(batch[0])) {
        const text = JSON.stringify(value, (_, one) => typeof one === "bigint" ? one + "n" : one);
        yield { stream: batch.stream, column, type: typeof value, text: Number.isNaN(value) ? "NaN" : value instanceof Uint8Array ? "" + value : text };
      }
      if (batch.length > 1) yield { stream: batch.stream, column: "rows", type: "", text: "" + batch.length };
    }`),
  copied: source("for await (const batch of ctx.input) yield batch;"),
  nothing: source(""),
  of_nothing: source("let n = 0; for await (const batch of ctx.input) n += batch.length; yield { n };"),
  some: source("for await (const batch of ctx.input) { yield batch; break; }"),
  broken: source(`
    for await (const batch of ctx.input) { if (batch[0].id > 0) throw new Error("cannot go on"); yield batch; }`),
  after_broken: source("for await (const batch of ctx.input) yield batch;"),
  after_some: source("for await (const batch of ctx.input) yield batch;"),
  without: source("for await (const batch of ctx.input) yield batch;"),
};

const PIPELINE = `extract:
  clean: { input: orders, script: scripts/clean.ts, batch: 2048 }
  orders: { connector: files, path: data/orders.csv }
  empty: { connector: files, path: data/empty.csv }
  exact: { script: scripts/exact.ts }
  seen: { script: scripts/seen.ts, input: [exact, orders], batch: 100000 }
  copied: { script: scripts/copied.ts, input: exact }
  nothing: { script: scripts/nothing.ts }
  of_nothing: { script: scripts/of_nothing.ts, input: [empty, nothing] }
  some: { script: scripts/some.ts, input: orders, batch: 10 }
  broken: { script: scripts/broken.ts, input: orders }
  after_broken: { script: scripts/after_broken.ts, input: broken }
  after_some: { script: scripts/after_some.ts, input: some, mode: append }
  without: { script: scripts/without.ts }
transform: p
load:
  daily: { connector: files, path: out/daily.csv }
  seen: { connector: files, path: out/seen.csv }
  copied: { connector: files, path: out/copied.csv }
  of_nothing: { connector: files, path: out/of_nothing.csv }
  after_some: { connector: files, path: out/after_some.csv }
`;

Deno.test("a script is given the rows of other streams, a batch at a time, and its own become a stream", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": PIPELINE,
    "data/orders.csv": `id,email,amount\n${ROWS.join("\n")}\n`,
    "data/empty.csv": "id,email\n",
    "transforms/p/daily.sql":
      "SELECT email, count(*) AS n, sum(amount) AS total, max(id) AS last FROM raw.clean GROUP BY email ORDER BY email\n",
    ...Object.fromEntries(Object.entries(SCRIPTS).map(([name, code]) => [`scripts/${name}.ts`, code])),
  });
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await project.sluice("run", ["p", "--json", ...args]);
    match(stdout, /\S/, stderr);
    const { id, steps } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    const byName = new Map<string, { state: string; rows: number; error: { message: string } | null }>(
      steps.map((step: { name: string }) => [step.name, step]),
    );
    const of = (name: string) => byName.get(`extract:${name}`);
    return {
      id,
      stateOf: (name: string) => of(name)?.state,
      errorOf: (name: string) => of(name)?.error?.message ?? "",
    };
  };
  const first = await run();
  deepEqual(
    Object.keys(SCRIPTS).filter((name) => first.stateOf(name) !== "succeeded").map((
      name,
    ) => [name, first.stateOf(name)]),
    [["broken", "failed"], ["after_broken", "skipped"], ["without", "failed"]],
  );
  match(first.errorOf("broken"), /scripts\/broken\.ts:2:\d+: Error: cannot go on/);
  match(first.errorOf("without"), /ctx\.input: name a stream by the key input/);
  const { stdout: logs } = await project.sluice("logs", [first.id]);
  match(logs, /extract:clean: batches 2048,2048,2048,2048,1808 of true/);
  const daily = (await linesOf(project, "daily")).map((line) => line.split(","));
  deepEqual(daily.map(([email]) => email), [
    "email",
    ...Array.from({ length: 7 }, (_, i) => `n${i}@example.com`),
  ]);
  equal(daily.slice(1).reduce((sum, [, n]) => sum + Number(n), 0), 6_666);
  equal(daily.slice(1).reduce((sum, [, , total]) => sum + Number(total), 0), 3_333);
  deepEqual(await linesOf(project, "seen"), [
    "stream,column,type,text",
    'exact,big,bigint,"""1208925819614629174706176n"""',
    'exact,long,bigint,"""9007199254740993n"""',
    "exact,half,number,NaN",
    'exact,at,string,"""2017-07-14T02:40:00Z"""',
    'exact,bytes,object,"0,255"',
    'exact,doc,object,"[""9007199254740993n"",{""a"":1.5}]"',
    "exact,none,object,null",
    'orders,rows,"",10000',
  ]);
  deepEqual(await linesOf(project, "of_nothing"), ["n", "0"]);
  equal((await linesOf(project, "after_some")).length, 11);
  match(
    (await linesOf(project, "copied"))[1] ?? "",
    /^1208925819614629174706176,9007199254740993,nan,2017-07-14T02:40:00Z,/i,
  );

  // All rows of the input again, whatever the mode; and what was never there is no input without rows.
  const second = await run("--select", "raw.after_some");
  equal(second.stateOf("after_some"), "succeeded");
  equal((await linesOf(project, "after_some")).length, 21);
  const alone = await project.sluice("run", ["p", "--select", "raw.after_broken"]);
  match(
    alone.stdout + alone.stderr,
    /Cannot read raw\.after_broken alone: raw\.broken is not in the warehouse yet.*run --select "\+raw\.after_broken"/,
  );
});

Deno.test("what cannot be an input is said by check, with its place; a trial has none", async () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `extract:
  a: { script: scripts/a.ts, input: order }
  b: { script: scripts/b.ts, input: b }
  c: { script: scripts/c.ts, input: d }
  d: { script: scripts/d.ts, input: [orders, c] }
  e: { script: scripts/e.ts, input: straight }
  f: { script: scripts/f.ts, input: [orders, orders] }
  orders: { connector: files, path: data/orders.csv }
  straight: { connector: files, path: data/orders.csv, store: false }
load:
  straight: { connector: files, path: out/straight.csv }
`,
    "pipelines/q.yaml": `extract:
  orders: { connector: files, path: data/orders.csv }
  a: { script: scripts/a.ts, input: orders }
`,
    "data/orders.csv": "id\n1\n",
    ...Object.fromEntries(names.map((name) => [`scripts/${name}.ts`, SCRIPTS["copied"] ?? ""])),
  });
  const { code, stdout, stderr } = await project.sluice("check", ["--offline"]);
  equal(code, 2);
  deepEqual(
    (stdout + stderr).split("\n").filter((line) => /^pipelines\/p\S+ extract/.test(line)).toSorted(),
    [
      "pipelines/p.yaml:2:37: extract.a.input: there is no stream order (did you mean orders?)",
      "pipelines/p.yaml:3:37: extract.b.input: b cannot read itself",
      "pipelines/p.yaml:4:37: extract.c.input: c and d wait for each other",
      "pipelines/p.yaml:5:46: extract.d.input[1]: d and c wait for each other",
      "pipelines/p.yaml:6:37: extract.e.input: the stream straight is not stored (store: false), so it has no rows to read",
      "pipelines/p.yaml:7:46: extract.f.input[1]: the stream orders stands here twice",
    ],
  );
  await project.write({ "pipelines/p.yaml": "extract: {}\n" });
  const trial = await project.sluice("script", ["run", "scripts/a.ts"]);
  equal(trial.code, 2, trial.stdout);
  match(trial.stderr, /scripts\/a\.ts: ctx\.input has rows in a run of its pipeline only/);
});
