import { deepEqual, equal, match, ok } from "node:assert/strict";
import { linesOf } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Scripts through whole runs, as users start them: each stream is a case. */

const source = (body: string) => `export default async function* (ctx) { ${body} }\n`;

/** Those that are to be killed have little time; the others as much as a busy machine needs. */
function projectOf(
  scripts: Readonly<Record<string, string>>,
  hasLittleTime: (name: string) => boolean = () => false,
): Promise<TestProject> {
  const names = Object.keys(scripts);
  return TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `params: { region: { default: eu } }
extract:
${
      names.map((name) =>
        `  ${name}: { script: scripts/${name}.ts, timeout: ${hasLittleTime(name) ? "1s" : "1m"} }\n`
      ).join("")
    }load:
${names.map((name) => `  ${name}: { connector: files, path: out/${name}.csv }\n`).join("")}`,
    ...Object.fromEntries(names.map((name) => [`scripts/${name}.ts`, scripts[name] ?? ""])),
  });
}

Deno.test("a stream is a script: its rows, whatever their form, with types that grow on the way", async () => {
  await using project = await projectOf({
    objects: `interface Row { id: number; name?: string }
      enum Kind { One = 1 }
      export default async function* (ctx: { params: Record<string, unknown>; log: { info(text: string): void } }) {
        ctx.log.info("region " + ctx.params.region);
        console.log("printed", { a: 1 });
        const row: Row = { id: Kind.One, name: "ä" };
        yield row;
        yield [{ id: 2, name: "y" }];
      }`,
    arrays: source(`ctx.columns(["id", "name"]); yield [[1, "x"], [2, null]];`),
    growing: source(`
      for (let at = 0; at < 40000; at += 1000) yield Array.from({ length: 1000 }, (_, i) => ({ n: at + i }));
      yield { n: 0.5, late: 1n << 80n };`),
    returned:
      "export default (ctx) => [{ id: ctx.window.run_start instanceof Date, state: ctx.state ?? null }];\n",
    empty: source(""),
    types:
      `export default function* () { yield { at: new Date(1.5e12), b: new Uint8Array([1]), tags: [1, "a"] }; }`,
  });
  const { code, stdout, stderr } = await project.sluice("run", ["p", "--json"]);
  equal(code, 0, stdout + stderr);
  deepEqual(await linesOf(project, "objects"), ["id,name", "1,ä", "2,y"]);
  deepEqual(await linesOf(project, "arrays"), ["id,name", "1,x", "2,"]);
  const growing = await linesOf(project, "growing");
  equal(growing.length, 40_002);
  deepEqual([growing[0], growing[1], growing.at(-2), growing.at(-1)], [
    "n,late",
    "0.0,",
    "39999.0,",
    "0.5,1208925819614629174706176",
  ]);
  deepEqual(await linesOf(project, "returned"), ["id,state", "true,"]);
  match(
    (await linesOf(project, "types")).join("\n"),
    /^at,b,tags\n2017-07-14 02:40:00(\.0+)?\+00,.*,"\[1,""a""\]"$/,
  );
  const [run] = JSON.parse((await project.sluice("runs", ["--json"])).stdout);
  const logs = await project.sluice("logs", [run.id]);
  match(logs.stdout, /info +extract:objects: region eu/);
  match(logs.stdout, /info +extract:objects: printed \{"a":1\}/);
});

const WRONG: Readonly<Record<string, { readonly script: string; readonly message: RegExp }>> = {
  thrown: {
    script:
      `type T = { a: string };\n\nexport default async function* () {\n  yield { a: 1 };\n  const t = undefined as unknown as T;\n  yield { a: t.a };\n}`,
    message: /scripts\/thrown\.ts:6:16: TypeError: Cannot read properties of undefined/,
  },
  nested: {
    script:
      `export default async function* () {\n  await inner();\n}\nasync function inner() {\n  throw new Error("away", { cause: new Error("why") });\n}`,
    message: /scripts\/nested\.ts:5:9: Error: away: why/,
  },
  unhandled: {
    script: source(
      `Promise.reject(new RangeError("nobody waits")); await new Promise((r) => setTimeout(r, 5000)); yield {};`,
    ),
    message: /scripts\/unhandled\.ts:1:\d+: RangeError: nobody waits/,
  },
  exits: {
    script: source("yield { a: 1 }; Deno.exit(0);"),
    message: /ended its process with exit code 0 before/,
  },
  forever: { script: source("yield { a: 1 }; for (;;);"), message: /took longer than 1 s and was killed/ },
  nothing: { script: "export default 1;\n", message: /it has no function to call/ },
  secret: { script: source(`ctx.secret("HOME");`), message: /"HOME" is not among the secrets of the stream/ },
  columns: { script: source("yield [[1]];"), message: /call ctx\.columns/ },
};

Deno.test("a script that fails, fails its stream alone, and says where", async () => {
  const scripts = Object.fromEntries(Object.entries(WRONG).map(([name, { script }]) => [name, script]));
  await using project = await projectOf(
    { ...scripts, fine: source("yield { id: 1 };") },
    (name) => name === "forever",
  );
  const { code, stdout } = await project.sluice("run", ["p", "--json"]);
  equal(code, 1);
  const { steps } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  const errorOf = (name: string): string =>
    steps.find((step: { name: string }) => step.name === `extract:${name}`)?.error?.message ?? "none";
  const wrong = Object.entries(WRONG).filter(([name, { message }]) => !message.test(errorOf(name)));
  deepEqual(wrong.map(([name]) => `${name}: ${errorOf(name)}`), []);
  equal(errorOf("fine"), "none");
  deepEqual(await linesOf(project, "fine"), ["id", "1"]);
});

Deno.test("a script goes on from its state, and a secret that it prints is not told", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `retry: { limit: 1, interval: 10ms }
extract:
  t: { script: scripts/t.ts, mode: append, secrets: [TOKEN] }
load:
  t: { connector: files, path: out/t.csv }
`,
    "scripts/t.ts": `export default async function* (ctx) {
  const next = ctx.state?.next ?? 0;
  ctx.log.info("the token is " + ctx.secret("TOKEN"));
  yield [{ n: next }, { n: next + 1 }];
  await ctx.checkpoint({ next: next + 2 });
  if (next === 0) throw new Error("away with " + ctx.secret("TOKEN"));
  yield { n: next + 2 };
  await ctx.checkpoint({ next: next + 3 });
}
`,
  });
  const run = () => project.sluice("run", ["p", "--json"], { TOKEN: "s3cr3t-token" });
  // The first attempt fails, and the next goes on from the state that was committed with the rows before it.
  const retried = await run();
  equal(retried.code, 0, retried.stdout + retried.stderr);
  equal((await run()).code, 0);
  deepEqual(await linesOf(project, "t"), ["n", "0", "1", "2", "3", "4", "5", "6", "7"]);
  const [first] = JSON.parse((await project.sluice("runs", ["--json"])).stdout);
  const { stdout } = await project.sluice("logs", [first.id]);
  match(stdout, /the token is \[redacted\]/);
  ok(!`${retried.stdout}${retried.stderr}${stdout}`.includes("s3cr3t-token"));
});

Deno.test("a script is part of the revision, and what is wrong with its file is a fault", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "script: { type: file }\n",
    "pipelines/p.yaml":
      "extract:\n  a: { script: scripts/a.ts }\n  b: { script: scripts/b.ts }\n  c: { script: ../c.ts }\n",
    "scripts/a.ts": "export const rows = 1;\n",
  });
  const { code, stdout, stderr } = await project.sluice("check");
  equal(code, 2);
  deepEqual((stdout + stderr).split("\n").filter((line) => /^\S+:\d+/.test(line)).toSorted(), [
    "connectors.yaml:1:1: script: every project has a connector of this name: use another name",
    "pipelines/p.yaml:3:16: extract.b.script: there is no file scripts/b.ts (did you mean scripts/a.ts?)",
    'pipelines/p.yaml:4:16: extract.c.script: expected a file of the project\'s folder scripts/, as scripts/orders.ts but got "../c.ts"',
    "scripts/a.ts:1:1: it has no default export: the script of a stream is `export default async function* (ctx) { … yield rows }`",
  ]);
});

Deno.test("the operator's policy refuses scripts", async () => {
  await using project = await projectOf({ t: source("yield { id: 1 };") });
  await project.write({ "policy.yaml": "scripts: off\n" });
  const { code, stdout, stderr } = await project.sluice("run", ["p"], {
    SLUICE_POLICY: `${project.projectDir}/policy.yaml`,
  });
  equal(code, 2, stdout + stderr);
  match(stdout + stderr, /stream "t": may not run its script: scripts of the operator's policy is off/);
});
