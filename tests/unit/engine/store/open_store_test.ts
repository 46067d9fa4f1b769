import assert from "node:assert/strict";
import { type Client, createClient } from "@libsql/client/sqlite3";
import { AppError, type ErrorCode } from "../../../../contract/errors.ts";
import { migrate } from "../../../../engine/store/migrate.ts";
import { fileStoreUrl, openStore } from "../../../../engine/store/open.ts";
import { MIGRATIONS } from "../../../../engine/store/migrations/list.ts";
import { newRun, StoreFixture } from "./store_fixture.ts";

/** A client of its own on the fixture's file, as an older or newer program has. */
async function withClient<T>(fixture: StoreFixture, work: (client: Client) => Promise<T>): Promise<T> {
  const client = createClient({ url: fixture.url, concurrency: 1 });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

const failsWith = (code: ErrorCode, ...words: string[]) => (error: unknown) => {
  assert.ok(error instanceof AppError);
  assert.equal(error.code, code);
  for (const word of words) assert.ok(error.message.includes(word), error.message);
  return true;
};

const NEXT = { id: MIGRATIONS.length + 1, name: "next", statements: ["create table next (x integer)"] };

Deno.test("openStore() creates a store that keeps what was written when it is opened again", async () => {
  await using fixture = new StoreFixture();
  {
    await using store = await fixture.openWithPipelines();
    await store.runs.create(newRun("r"));
  }
  const again = await fixture.open();
  assert.equal((await again.runs.get("r"))?.state, "queued");
});

Deno.test("disposing of a store twice is allowed, and using it then is unavailable", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await assert.rejects(store.runs.latest(), failsWith("unavailable", "closed"));
});

Deno.test("a copy of a closed store's file alone is whole", async () => {
  await using fixture = new StoreFixture();
  {
    await using store = await fixture.openWithPipelines();
    await store.runs.create(newRun("r"));
  }
  const copy = `${fixture.path}.copy`;
  await Deno.copyFile(fixture.path, copy);
  await using store = await openStore(fileStoreUrl(copy));
  assert.equal((await store.runs.get("r"))?.id, "r");
});

Deno.test("the store's connection is durable, checks foreign keys and waits for other writers", async () => {
  await using fixture = new StoreFixture();
  await fixture.open({ busyTimeoutMs: 50 });
  await withClient(fixture, async (client) => {
    const pragma = async (name: string) => (await client.execute(`pragma ${name}`)).rows[0]?.[0];
    assert.equal(await pragma("journal_mode"), "wal");
    // What libsql gives every connection, which openStore() relies on.
    assert.equal(await pragma("synchronous"), 2);
    assert.equal(await pragma("foreign_keys"), 1);
  });
});

Deno.test("a write that another process holds up is unavailable after the wait, then works", async () => {
  await using fixture = new StoreFixture();
  await fixture.openWithPipelines();
  const impatient = await fixture.open({ busyTimeoutMs: 50 });
  await withClient(fixture, async (client) => {
    const writing = await client.transaction("write");
    await assert.rejects(impatient.runs.create(newRun("r")), failsWith("unavailable", "another process"));
    await writing.rollback();
  });
  assert.equal((await impatient.runs.create(newRun("r"))).created, true);
});

Deno.test("an error of the store says what failed and not what a user wrote", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await assert.rejects(store.runs.create(newRun("r", { params: { password: "hunter2" } })), (error) => {
    assert.ok(error instanceof AppError);
    assert.match(error.message, /^Cannot create a run of "a" in the control store: /);
    assert.ok(!`${error.message} ${error.detail} ${error.cause}`.includes("hunter2"));
    return true;
  });
});

Deno.test("openStore() refuses a folder that is not there, a folder, and a file that is no database", async () => {
  await using fixture = new StoreFixture();
  await assert.rejects(
    openStore(fileStoreUrl(`${fixture.path}/x/control.db`)),
    failsWith("unavailable", "x/control.db"),
  );
  await Deno.mkdir(`${fixture.path}.dir`);
  await assert.rejects(openStore(fileStoreUrl(`${fixture.path}.dir`)), failsWith("unavailable"));
  await Deno.writeTextFile(fixture.path, "This is a text and no database.\n".repeat(50));
  await assert.rejects(fixture.open(), failsWith("invalid", fixture.path, "not a SQLite database"));
});

Deno.test("openStore() refuses a store that a newer Sluice made and leaves it as it is", async () => {
  await using fixture = new StoreFixture();
  await withClient(fixture, (client) => migrate(client, [...MIGRATIONS, NEXT]));
  await assert.rejects(
    fixture.open(),
    failsWith("conflict", "newer Sluice", `schema ${NEXT.id}`, `knows ${MIGRATIONS.length}`),
  );
  await withClient(fixture, async (client) => {
    assert.equal((await client.execute("select max(id) from _migrations")).rows[0]?.[0], NEXT.id);
  });
});

Deno.test("openStore() waits for the process that is making the store, where it may change none", async () => {
  await using fixture = new StoreFixture();
  await withClient(fixture, (client) => migrate(client, MIGRATIONS.slice(0, 1)));
  const beside = openStore(fixture.url, { upgrade: { isForbidden: true } });
  for (let count = 2; count <= MIGRATIONS.length; count++) {
    await withClient(fixture, (client) => migrate(client, MIGRATIONS.slice(0, count)));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await using _ = await beside;
});

Deno.test("openStore() says that it brings an older store up to date, and leaves it as it is where that is forbidden", async () => {
  await using fixture = new StoreFixture();
  await withClient(fixture, (client) => migrate(client, MIGRATIONS.slice(0, -1)));
  const last = MIGRATIONS.length;
  await assert.rejects(
    openStore(fixture.url, { upgrade: { isForbidden: true } }),
    failsWith("conflict", "older Sluice", `schema ${last - 1}`, `this one has ${last}`),
  );
  const said: number[][] = [];
  const onUpgrade = (...versions: number[]) => void said.push(versions);
  for (let time = 0; time < 2; time++) {
    await using _ = await openStore(fixture.url, { upgrade: { onUpgrade, isForbidden: time > 0 } });
  }
  assert.deepEqual(said, [[last - 1, last]]);
});

Deno.test("migrate() brings an older store up to date, keeps its rows, and does nothing the second time", async () => {
  await using fixture = new StoreFixture();
  await withClient(fixture, async (client) => {
    assert.deepEqual(await migrate(client, MIGRATIONS.slice(0, 1)), [1]);
    await client.execute("insert into connectors values ('shop', '{\"type\":\"file\"}')");
  });
  const store = await fixture.open();
  assert.deepEqual(await store.pipelines.connectors(), { shop: { type: "file" } });
  await withClient(fixture, async (client) => {
    assert.deepEqual(await migrate(client, [...MIGRATIONS, NEXT]), [NEXT.id]);
    assert.deepEqual(await migrate(client, [...MIGRATIONS, NEXT]), []);
  });
});

Deno.test("migrate() leaves nothing of a migration that fails, and can be tried again", async () => {
  await using fixture = new StoreFixture();
  const broken = {
    ...NEXT,
    statements: [...NEXT.statements, "create table broken (", "create table more (x)"],
  };
  await withClient(fixture, async (client) => {
    await assert.rejects(
      migrate(client, [...MIGRATIONS, broken]),
      failsWith("internal", `migration ${NEXT.id} (next)`),
    );
    assert.equal((await client.execute("select 1 from sqlite_master where name = 'next'")).rows.length, 0);
    assert.deepEqual(await migrate(client, [...MIGRATIONS, NEXT]), [NEXT.id]);
  });
});

Deno.test("stores that open a new file at once migrate it once", async () => {
  await using fixture = new StoreFixture();
  const stores = await Promise.all(Array.from({ length: 5 }, () => fixture.open()));
  for (const store of stores) assert.deepEqual(await store.pipelines.list(), []);
});

Deno.test("migrations count from 1 without a gap", () => {
  assert.deepEqual(MIGRATIONS.map(({ id }) => id), MIGRATIONS.map((_, at) => at + 1));
});

Deno.test("the first release's runs get their attempts, as far as it kept them", async () => {
  await using fixture = new StoreFixture();
  await withClient(fixture, async (client) => {
    await migrate(client, MIGRATIONS.slice(0, 1));
    const run =
      "(id, pipeline, revision, state, trigger, attempt, owner, params, full_refresh, window_end, " +
      "created_at, started_at, finished_at, not_before, error)";
    const values = (id: string, state: string, attempt: number, times: string, error = "null") =>
      `insert into runs ${run} values ('${id}', 'a', 'r1', '${state}', 'api', ${attempt}, 'old', '{}', 0, 9, 10, ${times}, ${error})`;
    const stepOf = (id: string, name: string, attempt: number) =>
      `insert into step_runs (run, name, kind, state, attempt, started_at, finished_at, depends)
       values ('${id}', '${name}', 'model', 'succeeded', ${attempt}, 20, 30, '[]')`;
    await client.batch([
      "insert into revisions values ('r1', 'a', '{}', '{}', null)",
      "insert into pipelines values ('a', 'files', 'r1', '[]', 0)",
      values("new", "queued", 0, "null, null, null"),
      values("retried", "failed", 3, "40, 50, null", `'{"code":"invalid","message":"no"}'`),
      values("waiting", "queued", 1, "null, null, 70"),
      values("dying", "running", 1, "60, null, null"),
      stepOf("retried", "model:one", 1),
      stepOf("retried", "model:two", 3),
      "insert into run_logs (run, seq, at, level, message) values ('retried', 1, 5, 'info', 'hello')",
    ]);
  });
  const store = await fixture.open();
  const attemptsOf = async (id: string) =>
    (await store.runs.get(id))?.attempts.map(({ attempt, state, worker }) => `${attempt} ${state} ${worker}`);
  assert.deepEqual(await attemptsOf("new"), []);
  assert.deepEqual(await attemptsOf("retried"), ["1 failed ", "3 failed old"]);
  assert.deepEqual(await attemptsOf("waiting"), ["1 failed old"]);
  assert.deepEqual(await attemptsOf("dying"), ["1 running old"]);
  const retried = await store.runs.get("retried");
  assert.deepEqual(retried?.steps.map(({ name, attempt }) => `${name} ${attempt}`), [
    "model:one 1",
    "model:two 3",
  ]);
  assert.equal(retried?.attempts.at(-1)?.error?.message, "no");
  assert.equal((await store.logs.read("retried", { afterSeq: 0, limit: 9 }))[0]?.attempt, null);
  assert.deepEqual((await store.attempts.ofOthers("me")).map(({ run }) => run.id), ["dying"]);
});
