import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../contract/clock.ts";
import { createKeyRing, type KeyRing } from "../../engine/keys/key_ring.ts";
import { fileStoreUrl, openStore } from "../../engine/store/open.ts";
import { MIGRATIONS } from "../../engine/store/migrations/list.ts";
import type { Store } from "../../engine/store/store.ts";
import { noVault } from "../support/fake_secrets.ts";
import { bytesOf } from "../support/store_bytes.ts";
import { sluiceArgs, waitFor } from "../support/sluice_server.ts";
import { TestProject } from "../support/test_project.ts";

/** Enough for a rotation, and for the sealing of what was plain, to last a moment. */
const REVISIONS = 8_000;
const KILLS = 3;
const PATIENCE_MS = 120_000;
const PASSWORD = "plain-canary-0815";
const SHOP = { type: "postgres", host: "db", password: PASSWORD };

/** A store as the version before sealed connectors left it. */
function fillOlder(path: string): void {
  using database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; begin");
  database.exec(
    "create table _migrations (id integer primary key, name text not null, applied_at integer not null)",
  );
  for (const { id, name, statements } of MIGRATIONS.slice(0, 20)) {
    for (const statement of statements) database.exec(statement);
    database.prepare("insert into _migrations values (?, ?, 0)").run(id, name);
  }
  database.prepare("insert into connectors values ('shop', ?)").run(JSON.stringify(SHOP));
  database.prepare(`
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${REVISIONS})
    insert into revisions (id, pipeline, definition, connectors) select 'r' || i, 'a', '{}', ? from n
  `).run(JSON.stringify({ shop: SHOP }));
  database.exec("commit");
}

/** Of the revisions those that are plain, and by data key those that are sealed. */
function countRevisions(
  path: string,
): { readonly plain: number; readonly keys: ReadonlyMap<string, number> } {
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare(
    "select substr(sealed_connectors, 5, 8) as key, count(*) as n from revisions group by 1",
  ).all();
  const counts = new Map(rows.map(({ key, n }) => [key === null ? null : String(key), Number(n)]));
  const plain = counts.get(null) ?? 0;
  counts.delete(null);
  return { plain, keys: new Map([...counts].map(([key, n]) => [key ?? "", n])) };
}

/** That what connectors say is there, whichever way it lies; of revisions some. */
async function requireAll(path: string, dataDir: string): Promise<void> {
  const ring: () => Promise<KeyRing> = async () => ringOf(await opened, dataDir);
  const opened: Promise<Store> = openStore(fileStoreUrl(path), {
    sealer: {
      seal: async (...text) => await (await ring()).sealer.seal(...text),
      open: async (...sealed) => await (await ring()).sealer.open(...sealed),
    },
  });
  await using store = await opened;
  deepStrictEqual(await store.pipelines.connectors(), { shop: SHOP });
  for (let at = 1; at <= REVISIONS; at += 397) {
    deepStrictEqual(await store.revisions.connectors(`r${at}`), { shop: SHOP });
  }
}

const ringOf = (store: Store, dataDir: string) =>
  createKeyRing({
    store: store.dataKeys,
    clock: systemClock,
    dataDir,
    projectDir: join(dataDir, "none"),
    env: () => undefined,
    transit: noVault,
  });

/** Starts the command and kills it some time after it has begun. */
async function killed(args: readonly string[], hasBegun: () => boolean, afterMs: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  ok(await waitFor(() => Promise.resolve(hasBegun() ? true : undefined), PATIENCE_MS));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  try {
    child.kill("SIGKILL");
  } catch {
    // It was done before.
  }
  await child.status;
}

Deno.test("what was plain is sealed, and all is sealed anew, by commands that are killed at it: nothing is lost", async () => {
  await using project = await TestProject.create({ "connectors.yaml": "files: { type: file }\n" });
  const { projectDir, dataDir } = project;
  await Deno.mkdir(dataDir, { mode: 0o700 });
  const path = join(dataDir, "sluice.db");
  fillOlder(path);
  ok((await bytesOf(path)).includes(PASSWORD));
  const args = (...command: string[]) => [
    ...sluiceArgs(...command),
    "--project",
    projectDir,
    "--data",
    dataDir,
  ];
  const plain = () => {
    try {
      return countRevisions(path).plain;
    } catch {
      // It is of the older version, or being written.
      return REVISIONS;
    }
  };

  let interrupted = 0;
  for (let kill = 0; kill < KILLS && plain() > 0; kill++) {
    const before = plain();
    await killed(args("keys", "show"), () => plain() < before, kill * 10);
    await requireAll(path, dataDir);
    if (plain() > 0) interrupted++;
  }
  ok(interrupted > 0, "some were killed in the middle of sealing");
  const shown = await project.sluice("keys", ["show"]);
  strictEqual(shown.code, 0, shown.stderr);
  strictEqual(plain(), 0);
  ok(!(await bytesOf(path)).includes(PASSWORD), "nothing plain is left in the file");
  await requireAll(path, dataDir);

  interrupted = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const known = countRevisions(path).keys;
    await killed(
      args("keys", "rotate"),
      () => [...countRevisions(path).keys.keys()].some((key) => !known.has(key)),
      kill * 10,
    );
    await requireAll(path, dataDir);
    if (countRevisions(path).keys.size > 1) interrupted++;
  }
  ok(interrupted > 0, "some were killed in the middle of a rotation");
  const rotated = await project.sluice("keys", ["rotate"]);
  strictEqual(rotated.code, 0, rotated.stderr);
  deepStrictEqual([...countRevisions(path).keys.values()], [REVISIONS]);
  await requireAll(path, dataDir);
});
