import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client/sqlite3";
import { outcome, StoreFixture } from "../../unit/engine/store/store_fixture.ts";
import { writeAndKill } from "../../support/write_and_kill.ts";

const WRITER = fileURLToPath(new URL("./write_store.ts", import.meta.url));
const KILLS = 6;

/** What SQLite itself has against the file. */
async function faultsOf(url: string): Promise<unknown[]> {
  const client = createClient({ url });
  try {
    const integrity = await client.execute("pragma integrity_check");
    const foreign = await client.execute("pragma foreign_key_check");
    return [...integrity.rows.map((row) => row[0]).filter((text) => text !== "ok"), ...foreign.rows];
  } finally {
    client.close();
  }
}

Deno.test("a store whose writer is killed again and again is whole and has all that it confirmed", async () => {
  await using fixture = new StoreFixture();
  const confirmed: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    confirmed.push(...await writeAndKill(WRITER, fixture.url, `writer${kill}`, 5 + kill * 17));
    assert.deepEqual(await faultsOf(fixture.url), []);
    await using store = await fixture.open();
    const runs = new Map((await store.runs.list({ limit: 10_000 })).map((run) => [run.id, run]));
    for (const line of confirmed) {
      const [event, id = ""] = line.split(" ");
      const run = runs.get(id);
      assert.ok(run, `${line}, but it is gone`);
      if (event === "succeeded") assert.equal(run.state, "succeeded");
      if (event === "logged") assert.equal(await store.logs.lastSeq(id), 200);
    }
    // Whatever was cut, a run's log is all of one append or nothing.
    for (const id of runs.keys()) assert.ok([0, 200].includes(await store.logs.lastSeq(id)), id);
    const orphans = await store.attempts.ofOthers("the next server");
    assert.ok(orphans.length <= 1, "one run of a pipeline at a time");
    for (const { lease } of orphans) await store.attempts.finish(lease, "cancel", outcome());
  }
  assert.ok(confirmed.some((line) => line.startsWith("succeeded")));
});
