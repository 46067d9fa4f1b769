import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { FollowedProject } from "../../support/followed_project.ts";
import { type MariadbDatabase, type OwnMariadbServer, startMariadb } from "../../support/mariadb.ts";

/** A server fails, and its replica takes over: the streams go on in the replica's own log. */

const MERGED = {
  orders: { stream: "orders", mode: "cdc" },
  items: { stream: "items", mode: "cdc" },
};
const HISTORY = {
  orders: { ...MERGED.orders, history: true },
  items: { ...MERGED.items, history: true },
};
const TABLES = `CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a');
  CREATE TABLE items (id int PRIMARY KEY, note text); INSERT INTO items VALUES (1, 'a')`;
const SETTINGS = { "log-slave-updates": 1, "slave-parallel-threads": 4 };

/** A server, its replica, one database on both, and the pipelines that follow it. */
class Pair implements AsyncDisposable {
  readonly primary: MariadbDatabase;
  readonly replica: MariadbDatabase;
  readonly merged: FollowedProject;
  readonly history: FollowedProject;
  readonly servers: readonly [OwnMariadbServer, OwnMariadbServer];
  readonly #disposal: AsyncDisposableStack;

  private constructor(
    disposal: AsyncDisposableStack,
    servers: readonly [OwnMariadbServer, OwnMariadbServer],
    databases: readonly [MariadbDatabase, MariadbDatabase],
    projects: readonly [FollowedProject, FollowedProject],
  ) {
    this.#disposal = disposal;
    this.servers = servers;
    [this.primary, this.replica] = databases;
    [this.merged, this.history] = projects;
  }

  static async start(): Promise<Pair> {
    await using disposal = new AsyncDisposableStack();
    const primaryServer = disposal.use(await startMariadb({ settings: SETTINGS }));
    const replicaServer = disposal.use(await startMariadb({ settings: SETTINGS }));
    const primary = disposal.use(await primaryServer.createDatabase());
    const replica = disposal.use(replicaServer.openDatabase(primary.name));
    await using setUp = replicaServer.openDatabase("mysql");
    await replicate(setUp, primaryServer, "slave_pos");
    await primary.run(TABLES);
    await catchUp(primary, setUp);
    const merged = disposal.use(await FollowedProject.create(primary.url));
    const history = disposal.use(await FollowedProject.create(primary.url));
    return new Pair(disposal.move(), [primaryServer, replicaServer], [primary, replica], [merged, history]);
  }

  async follow(): Promise<void> {
    await this.merged.run(MERGED);
    await this.history.run(HISTORY);
  }

  moveTo({ url }: MariadbDatabase): void {
    this.merged.moveTo(url);
    this.history.moveTo(url);
  }

  /** The changes of a table that history has, in their order. */
  async changes(table: "orders" | "items"): Promise<readonly string[]> {
    const rows = await this.history.rows(
      `SELECT concat_ws(' ', _sluice_operation, id, note) AS change FROM raw.${table} ORDER BY _sluice_sequence`,
    );
    return rows.map(({ change }) => String(change));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disposal.disposeAsync();
  }
}

async function replicate(
  { run }: Pick<MariadbDatabase, "run">,
  { port, user, password }: OwnMariadbServer,
  from: "slave_pos" | "current_pos",
): Promise<void> {
  await run(`CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${port}, MASTER_USER = '${user}',
    MASTER_PASSWORD = '${password}', MASTER_USE_GTID = ${from}, MASTER_CONNECT_RETRY = 1; START SLAVE`);
}

/** Waits until the other has all that the first one has logged. */
async function catchUp(first: MariadbDatabase, other: MariadbDatabase): Promise<void> {
  const [row] = await first.run("SELECT @@gtid_binlog_pos AS gtids");
  const [waited] = await other.run("SELECT MASTER_GTID_WAIT(?, 60) AS result", [row?.["gtids"]]);
  equal(Number(waited?.["result"]), 0, `the replica did not come to ${row?.["gtids"]}`);
}

async function promote({ run }: MariadbDatabase): Promise<void> {
  await run("STOP SLAVE; RESET SLAVE ALL");
}

Deno.test("a pipeline goes on at the replica that took over, and back, with no change lost or doubled", async () => {
  await using pair = await Pair.start();
  const { primary, replica, servers: [primaryServer, replicaServer] } = pair;
  await pair.follow();
  await primary.run("INSERT INTO orders VALUES (2, 'b'); UPDATE items SET note = 'b'");
  await pair.follow();
  // Not read before the primary dies; the replica has more files than it, and other places in them.
  await replica.run("FLUSH BINARY LOGS; FLUSH BINARY LOGS");
  await primary.run(
    "BEGIN; INSERT INTO orders VALUES (3, 'c'); DELETE FROM items; COMMIT; ALTER TABLE orders ADD n int",
  );
  await catchUp(primary, replica);
  await primaryServer.kill();
  await promote(replica);
  await replica.run("INSERT INTO orders VALUES (4, 'd', 1); INSERT INTO items VALUES (2, 'c')");
  pair.moveTo(replica);
  await pair.follow();
  await replica.run("UPDATE orders SET note = 'e' WHERE id = 4");
  await pair.follow();
  await pair.merged.equalsSource(MERGED);
  deepEqual(await pair.changes("orders"), [
    "snapshot 1 a",
    "insert 2 b",
    "insert 3 c",
    "insert 4 d",
    "update 4 e",
  ]);
  deepEqual(await pair.changes("items"), ["snapshot 1 a", "update 1 b", "delete 1 b", "insert 2 c"]);
  await primaryServer.restart();
  await replicate(primary, replicaServer, "current_pos");
  await replica.run("DELETE FROM orders WHERE id = 1");
  await catchUp(replica, primary);
  await promote(primary);
  await primary.run("INSERT INTO orders VALUES (5, 'f', 2)");
  pair.moveTo(primary);
  await pair.follow();
  await pair.merged.equalsSource(MERGED);
  deepEqual((await pair.changes("orders")).slice(5), ["delete 1 a", "insert 5 f"]);
});

Deno.test("what a replica logged in another order is taken once", async () => {
  await using pair = await Pair.start();
  const { primary, replica } = pair;
  await pair.follow();
  const inDomain7 = (statement: string) =>
    primary.run(`SET gtid_domain_id = 7; ${statement}; SET gtid_domain_id = 0`);
  await inDomain7("INSERT INTO items VALUES (2, 'b')");
  await catchUp(primary, replica);
  const holder = await replica.pool.getConnection();
  await holder.query("LOCK TABLES items READ");
  await primary.run("INSERT INTO orders VALUES (2, 'b')");
  // The next one waits at the replica, those of the other domain go past it.
  await inDomain7("INSERT INTO items VALUES (3, 'c')");
  await pair.follow();
  await primary.run("INSERT INTO orders VALUES (3, 'c')");
  const [row] = await primary.run("SELECT @@gtid_binlog_pos AS gtids");
  const ofOrders = String(row?.["gtids"]).split(",").find((gtid) => gtid.startsWith("0-"));
  const [waited] = await replica.run("SELECT MASTER_GTID_WAIT(?, 60) AS result", [ofOrders]);
  equal(Number(waited?.["result"]), 0);
  await holder.query("UNLOCK TABLES");
  holder.release();
  await catchUp(primary, replica);
  await promote(replica);
  await replica.run("INSERT INTO items VALUES (4, 'd')");
  pair.moveTo(replica);
  await pair.follow();
  await pair.merged.equalsSource(MERGED);
  deepEqual(await pair.changes("orders"), ["snapshot 1 a", "insert 2 b", "insert 3 c"]);
  deepEqual(await pair.changes("items"), ["snapshot 1 a", "insert 2 b", "insert 3 c", "insert 4 d"]);
});

Deno.test("a replica that lacks what was read is refused until it has it; so is a state that knows no GTIDs", async () => {
  await using pair = await Pair.start();
  const { primary, replica, merged } = pair;
  await merged.run(MERGED);
  await catchUp(primary, replica);
  await replica.run("STOP SLAVE SQL_THREAD");
  await primary.run("INSERT INTO orders VALUES (2, 'b')");
  await merged.run(MERGED);
  await primary.run("INSERT INTO orders VALUES (3, 'c')");
  pair.moveTo(replica);
  match(
    String((await merged.attempt(MERGED)).error),
    /this is another server than the one that was followed before, up to GTID 0-\d+-\d+, .*run again when it has.*--full-refresh/,
  );
  await replica.run("START SLAVE SQL_THREAD");
  await catchUp(primary, replica);
  await merged.run(MERGED);
  await merged.equalsSource(MERGED);
  {
    await using database = await openDatabase({ path: merged.warehouse, allowedDirectories: [] });
    await using session = await database.session();
    await session.run(
      `UPDATE _sluice.states SET state = regexp_replace(state, ',"gtids":"[-0-9]+","taken":null', '')`,
    );
  }
  const states = async () =>
    (await merged.rows("SELECT state FROM _sluice.states")).map(({ state }) => String(state));
  for (const state of await states()) doesNotMatch(state, /gtids/);
  pair.moveTo(primary);
  match(
    String((await merged.attempt(MERGED)).error),
    /this is another server .* of which no GTIDs are known.*--full-refresh/,
  );
  // Its own server needs none, and says there what they are.
  pair.moveTo(replica);
  await merged.run(MERGED);
  await merged.equalsSource(MERGED);
  for (const state of await states()) match(state, /"gtids":"0-\d+-\d+","taken":null/);
});
