import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Verification } from "../../../contract/loads/verification.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

const PATH = "/api/pipelines/shop/verification";
type Database = Awaited<ReturnType<Awaited<ReturnType<typeof acquirePostgres>>["createDatabase"]>>;

/** Starts a verification while somebody else holds the target, and goes on when it waits for that. */
async function whileItReads(
  { server }: Served,
  { sql }: Database,
  work: () => Promise<void>,
): Promise<void> {
  await sql.begin(async (holder) => {
    await holder`LOCK TABLE t IN ACCESS EXCLUSIVE MODE`;
    const started: Verification = await server.call("POST", PATH);
    equal(started.state, "running");
    ok(
      await waitFor(async () => {
        const [waiting] = await sql`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 't'::regclass`;
        return waiting === undefined ? undefined : true;
      }, PATIENCE_MS),
      "nobody reads the target",
    );
    await work();
  });
}

const ended = async ({ server }: Served): Promise<Verification> => {
  const found = await waitFor(async () => {
    const now: Verification = await server.call("GET", PATH);
    return now.state === "running" ? undefined : now;
  }, PATIENCE_MS);
  ok(found !== undefined, "the verification did not end");
  return found;
};

Deno.test("a verification goes on beside runs, is stopped when asked for, and leaves nothing", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await using served = await Served.start({
    "connectors.yaml": `shop: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/shop.yaml": "load: { t: { connector: shop, table: public.t } }\n",
    "transforms/shop/t.sql": "SELECT range AS id FROM range(5)\n",
  });
  await served.succeed("shop");

  await whileItReads(served, database, async () => {
    await served.server.call("POST", PATH, undefined, [409]);
    const stopped: Verification = await served.server.call("DELETE", PATH);
    deepEqual([stopped.state, stopped.error?.code, stopped.ok], ["failed", "cancelled", false]);
  });
  await served.server.call("DELETE", PATH, undefined, [409]);
  const left = (await Array.fromAsync(Deno.readDir(`${served.project.dataDir}/tmp`))).map(({ name }) => name);
  deepEqual(left.filter((name) => name.startsWith("verify-")), []);

  // What differs may do so because of a run that has begun since.
  await database.sql`DELETE FROM t WHERE id = 3`;
  let run = "";
  await whileItReads(served, database, async () => {
    run = (await served.server.trigger("shop")).id;
  });
  const { loads: [load] } = await ended(served);
  equal((await served.server.ended(run, PATIENCE_MS)).state, "succeeded");
  ok(load?.verdict === "not_verifiable" || load?.verdict === "same", JSON.stringify(load));
  if (load.verdict === "not_verifiable") match(load.message, /A run has begun since/);
});
