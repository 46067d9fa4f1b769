import { deepEqual, equal, match, rejects } from "node:assert/strict";
import * as v from "valibot";
import { functionSchema } from "../../../contract/pipeline/functions.ts";
import { pipelineSchema } from "../../../contract/pipeline/pipeline.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { openFunctions } from "../../../engine/worker/functions/script_functions.ts";
import { Reporter } from "../../../engine/worker/reporter.ts";
import { ServerRequests } from "../../../engine/worker/server_requests.ts";
import { linesOf } from "../../support/api_project.ts";
import { never } from "../../support/connections.ts";
import { findSandbox } from "../../support/script_sandbox.ts";
import { TestProject } from "../../support/test_project.ts";

const THREAD = new URL("../../../engine/worker/functions/main.ts", import.meta.url);

interface Written {
  readonly code: string;
  readonly parameters: readonly string[];
  readonly returns: string;
  readonly [key: string]: unknown;
}

/** Functions in a database of their own, as a run has them, without an engine around them. */
async function withFunctions(functions: Readonly<Record<string, Written>>) {
  const definition = {
    ...v.parse(pipelineSchema, {}),
    functions: Object.fromEntries(
      Object.entries(functions).map(([name, { code: _, ...keys }]) => [
        name,
        v.parse(functionSchema, { script: `scripts/${name}.ts`, ...keys }),
      ]),
    ),
  };
  const scripts = Object.entries(functions).map(([name, { code }]) => ({
    path: `scripts/${name}.ts`,
    content: `export default ${code};`,
  }));
  const sql = Object.keys(functions).map((name) => `${name}(`).join(" ");
  const logs: string[] = [];
  const database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  const session = await database.session();
  const reporter = new Reporter("", (bytes) => void logs.push(new TextDecoder().decode(bytes)));
  const requests = new ServerRequests((report) => {
    if (report.type !== "question" || report.question.type !== "memory") return;
    const { id } = report.question;
    requests.take({ type: "answer", answer: { type: "memory", id, bytes: null } });
  });
  const opened = await openFunctions(
    session,
    { definition, scripts, files: [{ path: "transforms/p/m.sql", content: sql }] },
    {
      connectors: [],
      reporter,
      requests,
      signal: never(),
      sandbox: await findSandbox(),
      functionThread: THREAD,
    },
  );
  return {
    session,
    logs,
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A type, and values of it that are easily lost. */
const EXACT: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ["true", "false"],
  INTEGER: ["2147483647", "-2147483648", "0"],
  BIGINT: ["9007199254740993", "-9223372036854775808", "9223372036854775807", "4294967296", "-1"],
  HUGEINT: ["170141183460469231731687303715884105727", "-170141183460469231731687303715884105728", "7"],
  DOUBLE: ["0.1", "'-0'", "'nan'", "'inf'", "1e308"],
  "DECIMAL(38, 10)": ["1234567890123456789012345678.0123456789", "-0.0000000001", "0"],
  "DECIMAL(4, 2)": ["99.99", "-0.50"],
  VARCHAR: ["''", "'é😀 ' || repeat('long ', 10)", "'a' || chr(0) || 'b'", "'plain'"],
  JSON: [`'{"a":[9007199254740993,1.5,null]}'`, "'[]'"],
  BLOB: ["'\\xFF\\x00'::BLOB", "''::BLOB"],
  DATE: ["'2026-02-28'", "'0001-01-01'", "'9999-12-31'"],
  TIMESTAMP: ["'2026-02-28 23:59:59.999999'", "'1969-12-31 23:59:59.000001'"],
  TIMESTAMPTZ: ["'2026-02-28 23:59:59.999999+00'", "'1900-01-01 00:00:00+00'"],
};

Deno.test("a function returns every value of every type as it got it, and NULL for NULL", async () => {
  const types = Object.keys(EXACT);
  const functions = Object.fromEntries(
    types.map((type, i) => [`same_${i}`, { code: "(value) => value", parameters: [type], returns: type }]),
  );
  await using database = await withFunctions({
    ...functions,
    pair: {
      code: "(a, b, c) => `${a}|${b}|${c}`",
      parameters: ["BIGINT", "VARCHAR", "BOOLEAN"],
      returns: "VARCHAR",
    },
    or_none: {
      code: '(a, b) => `${a} ${b ?? "none"}`',
      parameters: ["BIGINT", "VARCHAR"],
      returns: "VARCHAR",
      nulls: "call",
    },
    nullary: { code: "() => 7", parameters: [], returns: "INTEGER", volatile: true },
    odd: { code: "(n) => n % 2 === 0 ? null : n", parameters: ["BIGINT"], returns: "BIGINT" },
    kinds: { code: "(n) => typeof n", parameters: ["BIGINT"], returns: "VARCHAR" },
  });
  const { session } = database;
  for (const [i, type] of types.entries()) {
    const rows = [...EXACT[type] ?? [], "NULL"].map((value) => `(CAST(${value} AS ${type}))`).join(", ");
    // Text beside equality: -0 and NaN are equal to others.
    const [counted] = await session.rows(
      `SELECT count(*) AS n FROM (VALUES ${rows}) t(x)
        WHERE x::VARCHAR IS DISTINCT FROM same_${i}(x)::VARCHAR OR typeof(x) <> typeof(same_${i}(x))`,
    );
    equal(Number(counted?.["n"]), 0, type);
  }
  const [many] = await session.rows(
    `SELECT count(*) AS n, sum(odd(i)) AS odd, count(odd(i)) AS there, max(kinds(i + 9007199254740000)) AS kind,
       count(DISTINCT same_7('row ' || i)) AS texts, min(nullary()) AS seven FROM range(10000) t(i)`,
  );
  deepEqual({ ...many, odd: String(many?.["odd"]) }, {
    n: many?.["n"],
    odd: "25000000",
    there: many?.["there"],
    kind: "number",
    texts: many?.["texts"],
    seven: 7,
  });
  deepEqual([many?.["n"], many?.["there"], many?.["texts"]].map(Number), [10_000, 5_000, 10_000]);
  const [few] = await session.rows(
    `SELECT pair(1, 'x', true) AS p, pair(1, NULL, true) AS none, or_none(2, NULL) AS o, kinds(9007199254740993) AS k`,
  );
  deepEqual({ ...few }, { p: "1|x|true", none: null, o: "2 none", k: "bigint" });
});

Deno.test("whatever breaks a function off ends the query with its reason, and the next query calls it again", async () => {
  const text = (code: string, keys = {}) => ({ code, parameters: ["VARCHAR"], returns: "VARCHAR", ...keys });
  const given = (returns: string, code: string) => ({
    code: `() => ${code}`,
    parameters: ["VARCHAR"],
    returns,
  });
  const cases: Readonly<Record<string, readonly [Written, RegExp]>> = {
    throws: [
      text("(s) => s.missing.more"),
      /the function throws: throws\('it''s'\): scripts\/throws\.ts.*TypeError/,
    ],
    throws_text: [text("() => { throw 'no' }"), /throws_text\('it''s'\): .*no/],
    promise: [text("async (s) => s"), /returned a promise: a function of SQL is called on the spot/],
    number_for_text: [text("() => 5"), /it returned 5 \(number\), which is no VARCHAR/],
    half_character: [text('() => "\\ud800"'), /half of a character/],
    long_decimal: [given("DECIMAL(18, 2)", "0.1 + 0.2"), /no DECIMAL\(18, 2\) without being rounded/],
    wide_decimal: [given("DECIMAL(4, 2)", '"100.00"'), /which is no DECIMAL\(4, 2\)/],
    beyond: [given("BIGINT", "2 ** 53"), /9007199254740992 \(number\), which is no BIGINT/],
    wide: [given("INTEGER", "2147483648"), /which is no INTEGER/],
    half: [given("BIGINT", "0.5"), /which is no BIGINT/],
    no_day: [given("DATE", '"2026-02-30"'), /no DATE, as 2026-01-31/],
    no_zone: [given("TIMESTAMPTZ", '"2026-02-28T10:00:00"'), /no TIMESTAMPTZ/],
    ends: [
      text("() => Deno.exit(0)"),
      /ended its process with exit code 0 before it had returned from its calls/,
    ],
    asks: [text("() => fetch('http://127.0.0.1/') && Deno.readTextFileSync('/etc/passwd')"), /NotCapable/],
    starts: [text("() => new Deno.Command('/bin/true').outputSync() && ''"), /NotCapable/],
    environment: [text("() => Deno.env.get('HOME') ?? ''"), /NotCapable/],
    writes: [text("(s) => { Deno.stdout?.writeSync(new Uint8Array(64)); return typeof Deno.stdout; }"), /^$/],
    endless: [
      text("() => { for (;;); }", { timeout: "300ms" }),
      /took longer than 0\.3 s for one batch of calls/,
    ],
    sleeps: [
      text("() => String(Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))", {
        timeout: "300ms",
      }),
      /took longer than 0\.3 s/,
    ],
    hoards: [
      text("() => { const all = []; for (;;) all.push(new Array(1e6).fill('x')); }", { memory: "32MB" }),
      /took more than its memory of 32 MB/,
    ],
    no_function: [{ ...text("7") }, /it has no function to call/],
    good: [text("(s) => { console.log('seen', s); return s + '!'; }"), /^$/],
  };
  await using database = await withFunctions(
    Object.fromEntries(Object.entries(cases).map(([name, [written]]) => [name, written])),
  );
  const { session, logs } = database;
  for (const [name, [, expected]] of Object.entries(cases)) {
    const sql = `SELECT ${name}(x) AS y FROM (VALUES ('it''s'), ('z')) t(x)`;
    if (expected.source === "^$") await session.rows(sql);
    else await rejects(session.rows(sql), ({ message }: Error) => (match(message, expected), true), name);
  }
  const [row] = await session.rows("SELECT good('a') AS y, writes('b') AS w");
  deepEqual({ ...row }, { y: "a!", w: "undefined" });
  await rejects(session.rows("SELECT throws('b')"), /throws\('b'\)/);
  // The log comes by a message, which a waiting thread does not get.
  while (!logs.some((line) => line.includes("seen a"))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

/** A process that calls a function without end, and says what it has started. */
const ENDLESS = (program: unknown) => `
import { FunctionSandbox } from "${new URL(
  "../../../connectors/script/functions/function_sandbox.ts",
  import.meta.url,
)}";
import { packArguments } from "${new URL(
  "../../../connectors/script/sandbox/call_layout.ts",
  import.meta.url,
)}";
const sandbox = new FunctionSandbox({
  program: ${JSON.stringify(program)}, path: "scripts/x.ts", code: "export default () => { for (;;); };",
  called: { name: "f", parameters: [], returns: { name: "BIGINT" }, takesNulls: false },
  limits: { memoryBytes: 256e6, timeoutMs: 60_000, cpuMs: 10_000 },
}, { log: () => {}, memoryOf: (pid) => (console.log(pid), Promise.resolve(null)) });
await sandbox.call(packArguments({ rows: 1, columns: [] }));
`;

Deno.test({
  name: "a function that never ends is gone with the process that called it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const args = ["eval", "--quiet", "--ext=ts", ENDLESS(await findSandbox())];
    await using caller = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" })
      .spawn();
    const reader = caller.stdout.getReader();
    const pid = Number(new TextDecoder().decode((await reader.read()).value));
    const state = async () => {
      const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
      return stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "gone";
    };
    match(await state(), /[RS]/);
    caller.kill("SIGKILL");
    await caller.status;
    await reader.cancel();
    // Whoever took it in may not have asked for its status yet.
    while (!["Z", "gone"].includes(await state())) await new Promise((resolve) => setTimeout(resolve, 5));
  },
});

const PIPELINE = `functions:
  clean_phone: { script: scripts/phone.ts, parameters: [VARCHAR], returns: VARCHAR }
  unused: { script: scripts/phone.ts, parameters: [BIGINT], returns: BIGINT }
extract:
  people: { connector: files, path: data/people.csv }
load:
  phones: { connector: files, path: out/phones.csv }
`;

Deno.test("models call a script's function through whole runs, and check knows it by name and type", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": PIPELINE,
    "data/people.csv": "id,phone\n1,(0)30 - 12\n2,\n3,none\n",
    "transforms/p/phones.sql": "SELECT id, clean_phone(phone) AS phone FROM raw.people ORDER BY id\n",
    "scripts/phone.ts": `import { digits } from "./lib/digits.ts";
export default function (phone: string): string | null {
  if (phone === "bad") throw new RangeError("no phone");
  return digits(phone) === "" ? null : \`+\${digits(phone)}\`;
}
`,
    "scripts/lib/digits.ts": "export const digits = (text: string): string => text.replace(/\\D/g, '');\n",
  });
  const { code, stderr } = await project.sluice("run", ["p"]);
  equal(code, 0, stderr);
  deepEqual(await linesOf(project, "phones"), ["id,phone", "1,+03012", "2,", "3,"]);

  await project.write({ "data/people.csv": "id,phone\n1,bad\n" });
  const failed = await project.sluice("run", ["p"]);
  equal(failed.code, 1);
  match(
    failed.stdout + failed.stderr,
    /the function clean_phone: clean_phone\('bad'\): scripts\/phone\.ts:3:\d+: RangeError: no phone/,
  );

  const faulty = (functions: string) => PIPELINE.replace(/ {2}unused.*\n/, functions);
  await project.write({
    "transforms/p/phones.sql": "SELECT clean_phone(id, 1) AS phone FROM raw.people\n",
    "transforms/p/looks.sql":
      "/* @sluice materialized: view */\nSELECT clean_phone(phone) AS phone FROM raw.people\n",
    "scripts/none.ts": "export const x = 1;\n",
    "pipelines/p.yaml": faulty(`  upper: { script: scripts/phone.ts, parameters: [VARCHAR], returns: VARCHAR }
  dec: { script: scripts/phone.ts, parameters: [VARCHAR], returns: VARCHAR }
  gone: { script: scripts/gone.ts, parameters: [VARCHAR], returns: VARCHAR }
  none: { script: scripts/none.ts, parameters: [VARCHAR], returns: VARCHAR }
`),
  });
  const checked = await project.sluice("check", ["--offline"]);
  equal(checked.code, 2);
  const said = checked.stdout + checked.stderr;
  match(said, /pipelines\/p\.yaml:3:3: .*DuckDB has a function upper of its own: choose another name/);
  match(said, /pipelines\/p\.yaml:4:3: .*DuckDB takes dec for a word of SQL/);
  match(said, /pipelines\/p\.yaml:5:\d+: functions\.gone\.script: there is no file scripts\/gone\.ts/);
  match(said, /scripts\/none\.ts:1:1: it has no default export: the script of a function is/);
  match(said, /transforms\/p\/phones\.sql:1:8: clean_phone takes no \(BIGINT, INTEGER.*it takes \(VARCHAR\)/);
  match(
    said,
    /transforms\/p\/looks\.sql:2:1: looks is a view, and what reads it later cannot call clean_phone/,
  );
  await project.write({
    "pipelines/p.yaml": faulty("  odd: { script: scripts/phone.py, parameters: [TEXT], returns: X }\n"),
  });
  const shape = await project.sluice("check", ["--offline"]);
  match(shape.stdout + shape.stderr, /functions\.odd\.script: a function of SQL is a script in TypeScript/);
  match(
    shape.stdout + shape.stderr,
    /functions\.odd\.parameters\[0\]: expected one of BOOLEAN, .*DECIMAL\(18, 2\)/,
  );
});
