import assert from "node:assert/strict";
import { createClient } from "@libsql/client/sqlite3";
import type { PipelineLineage } from "../../../../contract/lineage/lineage.ts";
import { AppError } from "../../../../contract/errors.ts";
import { newRun, pipelineStep, revision, StoreFixture } from "./store_fixture.ts";

Deno.test("get() answers the revision with its files and steps as they were saved", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  const saved = revision({
    gitCommit: "0123456789abcdef0123456789abcdef01234567+dirty",
    files: [
      { path: "transforms/a/z.sql", content: "SELECT 'é😀' -- \"q\"\r\n" },
      { path: "transforms/a/b.sql", content: "" },
    ],
    connectors: { shop: { type: "postgres", url: "${secret:SHOP}" } },
  });
  const steps = [
    pipelineStep({ name: "extract:z", kind: "extract", summary: "shop public.z" }),
    pipelineStep({ name: "model:a", depends: ["extract:z"], file: "transforms/a/b.sql", sql: "SELECT 1" }),
  ];
  await revisions.save(saved, steps);
  const readable = { ...saved, connectors: { shop: { type: "postgres" } } };
  assert.deepEqual(await revisions.get("r1"), { revision: readable, steps });
  assert.deepEqual(await revisions.connectors("r1"), saved.connectors);
});

Deno.test("get() and has() know only what was saved", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  assert.equal(await revisions.get("r1"), undefined);
  assert.equal(await revisions.has("r1"), false);
  await revisions.save(revision(), []);
  assert.equal(await revisions.has("r1"), true);
  assert.deepEqual(await revisions.get("r1"), { revision: revision(), steps: [] });
});

Deno.test("lineage() gives what was saved last, and goes with its revision", async () => {
  await using fixture = new StoreFixture();
  const { revisions, retention } = await fixture.open();
  const lineage = (name: string): PipelineLineage => ({
    tables: [{ id: `main.${name}`, kind: "model", name, columns: [], influences: [], reads: [] }],
  });
  await revisions.save(revision(), []);
  assert.equal(await revisions.lineage("r1"), undefined);
  await revisions.save(revision(), [], lineage("a"));
  assert.deepEqual(await revisions.lineage("r1"), lineage("a"));
  await revisions.save(revision(), []);
  assert.deepEqual(await revisions.lineage("r1"), lineage("a"));
  await revisions.putLineage("r1", lineage("é😀"));
  assert.deepEqual(await revisions.lineage("r1"), lineage("é😀"));
  await retention.forgetRevisions({ nowMs: 1_000, unusedBeforeMs: 0 });
  await retention.forgetRevisions({ nowMs: 2_000, unusedBeforeMs: 1_500 });
  assert.equal(await revisions.has("r1"), false);
  assert.equal(await revisions.lineage("r1"), undefined);
});

Deno.test("save() leaves a known revision as it is", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  const first = revision({ gitCommit: "aaaa", files: [{ path: "x.sql", content: "SELECT 1" }] });
  await revisions.save(first, []);
  await revisions.save(revision({ gitCommit: "bbbb", files: [] }), [pipelineStep()]);
  assert.deepEqual(await revisions.get("r1"), { revision: first, steps: [] });
});

Deno.test("save() puts the commit right once the same content is committed; past runs keep theirs", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const commit = async () => (await store.revisions.get("rev-a"))?.revision.gitCommit;
  for (
    const [given, expected] of [
      ["aaaa+dirty", undefined],
      ["aaaa", "aaaa"],
      ["bbbb+dirty", "aaaa"],
      ["bbbb", "aaaa"],
    ] as const
  ) {
    await store.runs.create(newRun(`before ${given}`));
    await store.revisions.save(revision({ id: "rev-a", gitCommit: given }), []);
    assert.equal(await commit(), expected);
  }
  const runs = await store.runs.list({ limit: 9 });
  assert.deepEqual(runs.map((run) => run.git_commit), ["aaaa", "aaaa", null, null]);
});

Deno.test("save() stores the same content once", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  const file = (path: string) => ({ path, content: "SELECT 42" });
  await revisions.save(revision({ id: "r1", files: [file("a.sql"), file("b.sql")] }), []);
  await revisions.save(revision({ id: "r2", files: [file("c.sql")] }), []);
  using client = Object.assign(createClient({ url: fixture.url }), {
    [Symbol.dispose]() {
      client.close();
    },
  });
  assert.equal((await client.execute("select * from files")).rows.length, 1);
  assert.deepEqual((await revisions.get("r2"))?.revision.files, [file("c.sql")]);
});

Deno.test("save() refuses a file with a NUL, which the database would cut, and saves nothing", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  await assert.rejects(
    revisions.save(revision({ files: [{ path: "x.sql", content: "SELECT\0 1" }] }), []),
    (error) => error instanceof AppError && error.code === "invalid" && error.message.includes('"x.sql"'),
  );
  assert.equal(await revisions.has("r1"), false);
});

Deno.test("save() takes a file of several megabytes and hundreds of steps", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  const saved = revision({ files: [{ path: "big.sql", content: "SELECT 1 -- é\n".repeat(300_000) }] });
  const steps = Array.from({ length: 500 }, (_, n) => pipelineStep({ name: `model:m${n}` }));
  await revisions.save(saved, steps);
  assert.deepEqual(await revisions.get("r1"), { revision: saved, steps });
});

Deno.test("head() is the revision without its files", async () => {
  await using fixture = new StoreFixture();
  const { revisions } = await fixture.open();
  const files = [{ path: "transforms/a/daily.sql", content: "SELECT 1" }];
  await revisions.save(revision({ files, gitCommit: "aaaa" }), []);
  const { files: _, ...head } = revision({ gitCommit: "aaaa" });
  assert.deepEqual(await revisions.head("r1"), head);
  assert.equal(await revisions.head("none"), undefined);
});

Deno.test("idsLike() finds revisions by the beginning of their ids, in digits of either case", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const id of ["ab12", "abf0", "ac00", "b000"]) await store.revisions.save(revision({ id }), []);
  assert.deepEqual((await store.revisions.idsLike("AB", 5)).toSorted(), ["ab12", "abf0"]);
  assert.deepEqual(await store.revisions.idsLike("ac00", 5), ["ac00"]);
  assert.equal((await store.revisions.idsLike("a", 2)).length, 2);
  for (const none of ["ad", "ab%", "", "zz"]) assert.deepEqual(await store.revisions.idsLike(none, 5), []);
});
