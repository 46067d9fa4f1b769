import { deepEqual, equal, match } from "node:assert/strict";
import { linesOf } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Scripts that take rows, through whole runs: each load is a case. */

const ROWS = (from: number, to: number) =>
  `SELECT i AS id, 'n' || i AS name FROM range(${from}, ${to}) r(i)\n`;

const sink = (body: string) => `export async function write(batches, ctx) { ${body} }\n`;

interface Step {
  readonly name: string;
  readonly rows: number | null;
  readonly error: { readonly message: string } | null;
}

async function run(project: TestProject, env: Record<string, string> = {}) {
  const { stdout, stderr } = await project.sluice("run", ["p", "--json"], env);
  match(stdout, /\S/, stderr);
  const { id, state, steps } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  const { stdout: logs } = await project.sluice("logs", [id]);
  return { state, steps: new Map<string, Step>(steps.map((step: Step) => [step.name, step])), logs };
}

Deno.test("a script takes a load's rows as they are, in batches under keys of their own", async () => {
  await using project = await TestProject.create({
    "pipelines/p.yaml": `params: { region: { default: eu } }
transform: p
load:
  few: { script: scripts/few.ts, batch: 2, secrets: [TOKEN] }
  types: { script: scripts/types.ts }
  none: { script: scripts/few.ts }
  several: { script: scripts/several.ts, batch: 1, timeout: 1m }
`,
    "transforms/p/few.sql": ROWS(1, 6),
    "transforms/p/none.sql": ROWS(1, 1),
    "transforms/p/several.sql": ROWS(1, 6),
    "scripts/several.ts": sink(`
      const loop = async () => { for await (const [row] of batches) ctx.log.info("row " + row.id); };
      await Promise.all([loop(), loop(), loop()]);`),
    "transforms/p/types.sql":
      `SELECT 9007199254740993 AS big, 7::BIGINT AS small, 170141183460469231731687303715884105727 AS huge,
      1.10::DECIMAL(18,2) AS price, 0.1::DOUBLE AS part, 'NaN'::DOUBLE AS none, true AS yes, NULL AS nothing,
      TIMESTAMPTZ '2026-01-02 03:04:05.123456+00' AS at, DATE '2026-01-02' AS day, '\\x00\\xFF'::BLOB AS bytes,
      [9007199254740993, 1] AS list, {a: 1.5, b: 'x'} AS nested,
      '{"n": 12345678901234567890.5, "s": [1e2, 0.1]}'::JSON AS doc\n`,
    "scripts/few.ts": sink(`
      for await (const batch of batches) {
        ctx.log.info(JSON.stringify([batch.length, batch[0], batch.key.split("/").at(-1), ctx.params.region]));
        ctx.log.info(ctx.secret("TOKEN") + " " + batch.map((row) => row.id).join());
      }
      ctx.log.info("flushed " + Object.keys(ctx).sort());`),
    "scripts/types.ts": sink(`
      for await (const [row] of batches) {
        for (const [name, value] of Object.entries(row)) {
          const shown = value instanceof Uint8Array
            ? "bytes " + value
            : JSON.stringify(value, (_, one) => typeof one === "bigint" ? one + "n" : one);
          ctx.log.info(name + "=" + typeof value + " " + (Number.isNaN(value) ? "NaN" : shown));
        }
      }`),
  });
  const { state, steps, logs } = await run(project, { TOKEN: "s3cret-word" });
  equal(state, "succeeded", JSON.stringify([...steps.values()]));
  const said = (step: string) =>
    logs.split("\n").filter((line) => line.includes(`load:${step}`)).map((line) =>
      line.replace(/^.*?: /, "")
    );
  const few = said("few").join("\n");
  match(few, /\[2,\{"id":1,"name":"n1"\},"0\+2","eu"\]/);
  match(few, /\[1,\{"id":5,"name":"n5"\},"4\+1","eu"\]/);
  match(few, /flushed fetch,log,params,secret,signal,window|flushed log,params,secret,signal,window/);
  equal(logs.includes("s3cret-word"), false);
  equal(said("none").join().includes("flushed"), false);
  deepEqual(said("several").filter((line) => /^row/.test(line)), [1, 2, 3, 4, 5].map((id) => `row ${id}`));
  const types = said("types").join("\n");
  for (
    const expected of [
      'big=bigint "9007199254740993n"',
      "small=number 7",
      'huge=bigint "170141183460469231731687303715884105727n"',
      'price=string "1.10"',
      "part=number 0.1",
      "none=number NaN",
      "yes=boolean true",
      "nothing=object null",
      'at=string "2026-01-02T03:04:05.123456Z"',
      'day=string "2026-01-02"',
      "bytes=object bytes 0,255",
      'list=object ["9007199254740993n",1]',
      'nested=object {"a":1.5,"b":"x"}',
      'doc=object {"n":"12345678901234567890.5","s":[100,0.1]}',
    ]
  ) equal(types.includes(expected), true, `${expected} in ${types}`);
  equal(steps.get("load:few→script")?.rows, 5);
});

const WRONG: Readonly<Record<string, { readonly script: string; readonly message: RegExp }>> = {
  early: {
    script: sink("for await (const batch of batches) break;"),
    message: /scripts\/early\.ts: write\(\) returned before it had asked for all batches \(after 2 rows\)/,
  },
  never: {
    script: sink(""),
    message: /write\(\) returned before it had asked for all batches \(after 0 rows\)/,
  },
  thrown: {
    script:
      `export async function write(batches: AsyncIterable<unknown[]>) {\n  for await (const _ of batches) throw new Error("no room");\n}\n`,
    message: /scripts\/thrown\.ts:2:\d+: Error: no room/,
  },
  flush: {
    script: sink(`for await (const _ of batches); throw new Error("cannot flush");`),
    message: /scripts\/flush\.ts:1:\d+: Error: cannot flush/,
  },
  exits: {
    script: sink("for await (const _ of batches) Deno.exit(0);"),
    message: /ended its process with exit code 0/,
  },
  forever: {
    script: sink("for await (const _ of batches) for (;;);"),
    message: /took longer than 2 s and was killed/,
  },
  rejecting: {
    script: sink(`for await (const batch of batches) batch.reject(batch[0], "not wanted");`),
    message: /of 2 rows were rejected \(max_rejects is 0\).*: not wanted/,
  },
  late: {
    script: sink(
      `let last; for await (const batch of batches) { last?.reject(0, "too late"); last = batch; }`,
    ),
    message: /the next batch was asked for, so that this one is taken/,
  },
};

Deno.test("a load whose script does not take all rows fails, and says where", async () => {
  const names = Object.keys(WRONG);
  await using project = await TestProject.create({
    "pipelines/p.yaml": `transform: p\nload:\n  t:\n${
      names.map((name) =>
        `    - { script: scripts/${name}.ts, batch: 2, timeout: ${name === "forever" ? "2s" : "1m"} }\n`
      ).join("")
    }`,
    "transforms/p/t.sql": ROWS(1, 5),
    ...Object.fromEntries(names.map((name) => [`scripts/${name}.ts`, WRONG[name]?.script ?? ""])),
  });
  const { state, steps } = await run(project);
  equal(state, "failed");
  const errors = [...steps.values()].flatMap(({ error }) => error === null ? [] : [error.message]);
  const missing = names.filter((name) => !errors.some((message) => WRONG[name]?.message.test(message)));
  deepEqual(missing, [], errors.join("\n"));
});

Deno.test("rows that a script rejects are kept aside, and one that has no write is found by check", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `transform: p
load:
  t:
    - { script: scripts/push.ts, batch: 3, max_rejects: 2 }
    - { connector: files, path: out/t.csv }
`,
    "transforms/p/t.sql": ROWS(1, 6),
    "scripts/push.ts": sink(`for await (const batch of batches) {
      for (const [at, row] of batch.entries()) if (row.id % 2 === 0) batch.reject(at, "even " + row.name);
    }`),
  });
  const { state, logs } = await run(project);
  equal(state, "succeeded", logs);
  match(logs, /Rejected: .*even n2/);
  match(logs, /Rejected: .*even n4/);
  equal((await linesOf(project, "t")).length, 6);
  await project.write({ "scripts/push.ts": "export default function* () {}\n" });
  const { code, stdout, stderr } = await project.sluice("check", []);
  equal(code, 2);
  match(stdout + stderr, /scripts\/push\.ts:1:1: it does not export write/);
});
