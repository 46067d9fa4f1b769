import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { delayedServer } from "../../support/delayed_server.ts";
import { FollowedProject } from "../../support/followed_project.ts";
import { lookAtFollower } from "../../support/look_at_follower.ts";
import { type MariadbDatabase, startMariadb } from "../../support/mariadb.ts";
import { never } from "../../support/connections.ts";
import { openMysql } from "../../support/mysql_connector.ts";

/** Servers that cannot be followed yet, and what happens to one while it is followed. */

const ORDERS = { orders: { stream: "orders", mode: "cdc" } };
const TABLE = "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a')";

Deno.test("a server without a log is refused, with what to set", async () => {
  await using server = await startMariadb({ settings: { "skip-log-bin": 1 } });
  await using database = await server.createDatabase();
  await database.run(TABLE);
  await using project = await FollowedProject.create(database.url);
  match(
    String((await project.attempt(ORDERS)).error),
    /writes no binary log; set log_bin and server_id in its configuration and restart it/,
  );
});

Deno.test("settings and grants that are missing are named one by one", async () => {
  await using server = await startMariadb({ settings: { "binlog-ignore-db": "unlogged" } });
  await using database = await server.createDatabase();
  await database.run(`${TABLE}; CREATE DATABASE unlogged; CREATE TABLE unlogged.orders (id int PRIMARY KEY);
    CREATE USER reader IDENTIFIED BY 'secret'; GRANT SELECT ON ${database.name}.* TO reader`);
  const url = new URL(database.url);
  [url.username, url.password] = ["reader", "secret"];
  await using project = await FollowedProject.create(url.href);
  const check = async () => {
    await using opened = await openMysql(url.href);
    const found = (await opened.connection.test?.(never()) ?? []).find(({ name }) =>
      name === "log of changes"
    );
    return `${found?.name}: ${found?.state}: ${found?.message}`;
  };
  match(
    await check(),
    /log of changes: missing: .*run GRANT REPLICATION SLAVE, BINLOG MONITOR ON \*\.\* TO 'reader'@'%'/,
  );
  const refused = async () => String((await project.attempt(ORDERS)).error);
  match(
    await refused(),
    /may not see where its log is: .*GRANT REPLICATION SLAVE, BINLOG MONITOR ON \*\.\* TO/,
  );
  await database.run("GRANT BINLOG MONITOR ON *.* TO reader");
  match(await refused(), /may not see its log: .*GRANT REPLICATION SLAVE, BINLOG MONITOR ON \*\.\* TO/);
  await database.run("GRANT REPLICATION SLAVE ON *.* TO reader; SET GLOBAL binlog_format = 'MIXED'");
  match(await refused(), /binlog_format is MIXED, .*run SET GLOBAL binlog_format = 'ROW'/);
  match(await check(), /log of changes: missing: .*binlog_format is MIXED/);
  await database.run("SET GLOBAL binlog_format = 'ROW', GLOBAL binlog_row_image = 'MINIMAL'");
  match(await refused(), /binlog_row_image is MINIMAL, which leaves columns out; run SET GLOBAL/);
  await database.run("SET GLOBAL binlog_row_image = 'FULL'");
  match(await check(), /log of changes: ok/);
  await project.run(ORDERS);
  await database.run("INSERT INTO orders VALUES (2, 'b')");
  await project.run(ORDERS);
  await project.equalsSource(ORDERS);
  await using all = await FollowedProject.create(database.url);
  match(
    String((await all.attempt({ orders: { ...ORDERS.orders, stream: "unlogged.orders" } })).error),
    /does not log the changes of the database unlogged \(binlog_do_db/,
  );
});

Deno.test("sessions that log otherwise are told, and nothing of theirs is guessed", async () => {
  await using server = await startMariadb();
  await using database = await server.createDatabase();
  await database.run(TABLE);
  await using project = await FollowedProject.create(database.url);
  for (
    const [settings, expected] of [
      [
        "binlog_format = 'STATEMENT'",
        /a statement that may change orders in place of its rows.*--full-refresh/,
      ],
      ["binlog_row_image = 'MINIMAL'", /a row without all of its columns.*--full-refresh/],
      ["binlog_row_image = 'NOBLOB'", /a row without all of its columns.*--full-refresh/],
    ] as const
  ) {
    await project.run(ORDERS, { fullRefresh: true });
    const session = await database.pool.getConnection();
    await session.query(`SET SESSION ${settings}`);
    await session.query("UPDATE orders SET id = id + 1");
    session.destroy();
    match(String((await project.attempt(ORDERS)).error), expected);
    await project.run(ORDERS, { fullRefresh: true });
    await project.equalsSource(ORDERS);
  }
  await database.run(
    "XA START 'x'; UPDATE orders SET id = id + 1; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
  );
  match(String((await project.attempt(ORDERS)).error), /an XA transaction in two phases/);
  await project.run(ORDERS, { fullRefresh: true });
  await database.run("XA START 'y'; UPDATE orders SET id = id + 1; XA END 'y'; XA COMMIT 'y' ONE PHASE");
  await project.run(ORDERS);
  await project.equalsSource(ORDERS);
});

Deno.test("a log that was purged, begun anew or is another server's is never gone on with", async () => {
  await using server = await startMariadb();
  await using database = await server.createDatabase();
  await database.run(TABLE);
  await using project = await FollowedProject.create(database.url);
  const refused = async (expected: RegExp) => {
    match(String((await project.attempt(ORDERS)).error), expected);
    await project.run(ORDERS, { fullRefresh: true });
    await database.run("INSERT INTO orders SELECT max(id) + 1, 'next' FROM orders");
    await project.run(ORDERS);
    await project.equalsSource(ORDERS);
  };
  await project.run(ORDERS);
  await database.run("INSERT INTO orders VALUES (2, 'b')");
  await purgeAllButLast(database);
  await refused(/no longer has its log from binlog\.\d+:\d+ on.*it was purged.*run once with --full-refresh/);
  await database.run("RESET MASTER");
  await refused(/ends at binlog\.000001:\d+, and this pipeline is at binlog.*RESET MASTER.*--full-refresh/);
  // The same file and an offset that is there again, but another log.
  await database.run("SET SESSION timestamp = 1000000000; RESET MASTER; SET SESSION timestamp = DEFAULT");
  for (let i = 0; i < 20; i += 1) await database.run("UPDATE orders SET note = concat(note, 'x')");
  await refused(/log binlog\.000001 is not the one that was followed before|no longer has its log/);
  // Under another number, but with a log that goes on.
  await database.run(
    "SET GLOBAL server_id = 4711; INSERT INTO orders SELECT max(id) + 1, 'next' FROM orders",
  );
  await project.run(ORDERS);
  await project.equalsSource(ORDERS);
  await database.run("SET GLOBAL server_id = 4712; RESET MASTER");
  await refused(
    /this is another server than the one that was followed before, up to GTID \d.*--full-refresh/,
  );
});

Deno.test("a file of the log that was removed when all of it had been read is not missed", async () => {
  await using server = await startMariadb();
  await using database = await server.createDatabase();
  await database.run(TABLE);
  await using project = await FollowedProject.create(database.url);
  const history = { orders: { ...ORDERS.orders, history: true } };
  await project.run(history);
  await database.run("INSERT INTO orders VALUES (2, 'b')");
  const { followed } = await project.run(history);
  await purgeAllButLast(database);
  const [status] = await database.run("SHOW MASTER STATUS");
  doesNotMatch(followed.at(-1)?.position ?? "", new RegExp(String(status?.["File"])));
  await database.run("INSERT INTO orders VALUES (3, 'c')");
  const run = await project.run(history);
  match(run.log.join("\n"), /info: The log of the server \(id \d+\) is followed by GTID/);
  const changes = await project.rows("SELECT id FROM raw.orders ORDER BY _sluice_sequence");
  deepEqual(changes.map(({ id }) => id), [1, 2, 3]);
});

Deno.test("a run and the server warn of a log that is about to be removed before it was read", async () => {
  await using server = await startMariadb();
  await using database = await server.createDatabase();
  await database.run(`${TABLE}; CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)`);
  await using project = await FollowedProject.create(database.url);
  const streams = { ...ORDERS, items: { stream: "items", mode: "cdc" } };
  const before = (await project.run(streams)).followed.at(-1);
  ok(before !== undefined && before.warning === null && before.behind_bytes === 0);
  const look = async () => {
    const found = await lookAtFollower(project, database.url, before, ORDERS.orders);
    ok(found !== null);
    return found;
  };
  equal((await look()).behindBytes, 0);
  await database.run("INSERT INTO orders VALUES (2, 'b')");
  const [size] = await database.run("SHOW BINARY LOGS");
  const behind = Number(size?.["File_size"]) - Number(before.position?.split(":")[1]);
  equal((await look()).behindBytes, behind);
  // The file that holds it was closed eight days and some minutes ago.
  await database.run(
    `SET GLOBAL expire_logs_days = 30; SET SESSION timestamp = unix_timestamp() - 8 * 86400 - 600;
    FLUSH BINARY LOGS; SET SESSION timestamp = DEFAULT`,
  );
  equal((await look()).warning, null);
  ok(((await look()).behindBytes ?? 0) > behind);
  await database.run("SET GLOBAL expire_logs_days = 10");
  match(
    (await look()).warning ?? "",
    /^The server keeps its log for 10 d.* and removes in 1 d 23 h what comes behind binlog\.000001:\d+, which was not read/,
  );
  // What a stream still needs that cannot be followed counts as well.
  await database.run("RENAME TABLE items TO hidden");
  const { followed, log } = await project.attempt(streams);
  equal(followed.at(-1)?.position, before.position);
  match(log.join("\n"), /warn: The server keeps its log for 10 d/);
  await database.run("RENAME TABLE hidden TO items");
  const after = (await project.run(streams)).followed.at(-1);
  deepEqual([after?.warning, after?.behind_bytes], [null, 0]);
  await database.run("SET GLOBAL expire_logs_days = 0");
  equal((await look()).warning, null);
  await purgeAllButLast(database);
  match((await look()).warning ?? "", /no longer has binlog\.000001, .*run the pipeline/);
});

/** The server keeps a file that it may need after a crash, for a moment. */
async function purgeAllButLast(database: MariadbDatabase): Promise<void> {
  await database.run("FLUSH BINARY LOGS; FLUSH BINARY LOGS");
  for (let files = 2; files > 1;) {
    const [status] = await database.run("SHOW MASTER STATUS");
    await database.run(`PURGE BINARY LOGS TO '${status?.["File"]}'`);
    files = (await database.run("SHOW BINARY LOGS")).length;
  }
}

Deno.test("changes are followed over 20 ms of latency, a large transaction in pieces that wait in the warehouse", async () => {
  await using server = await startMariadb({ settings: { "max-binlog-size": 4_194_304 } });
  await using database = await server.createDatabase();
  await database.run(`CREATE TABLE orders (id int PRIMARY KEY, note longtext);
    INSERT INTO orders SELECT seq, concat('note ', seq) FROM seq_1_to_60000`);
  await using far = delayedServer({ host: server.host, port: server.port }, 10);
  const url = new URL(database.url);
  url.port = String(far.port);
  await using project = await FollowedProject.create(url.href);
  await project.run(ORDERS);
  await database.run(
    `BEGIN; UPDATE orders SET note = concat(note, '!'); DELETE FROM orders WHERE id % 3 = 0; COMMIT;
    INSERT INTO orders VALUES (0, repeat('long', 5000000))`,
  );
  const run = await project.run(ORDERS);
  equal(run.steps.get("extract:orders")?.rows, 80_001);
  await project.equalsSource(ORDERS);
});

Deno.test("a connection that is cut while changes are followed fails as unavailable; the next attempt has it all", async () => {
  await using server = await startMariadb();
  await using database = await server.createDatabase();
  await database.run(`CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT seq, repeat('x', 100) FROM seq_1_to_50000`);
  await using project = await FollowedProject.create(database.url);
  await project.run(ORDERS);
  await database.run("UPDATE orders SET note = concat(note, '!')");
  // Ends every reader of the log as soon as it is there.
  let isDone = false;
  const cutting = (async () => {
    while (!isDone) {
      const rows = await database.run(
        "SELECT id FROM information_schema.processlist WHERE command = 'Binlog Dump'",
      );
      for (const { id } of rows) await database.run(`KILL ${id}`).catch(() => {});
      if (rows.length > 0) return;
    }
  })();
  const failed = await project.attempt(ORDERS);
  isDone = true;
  await cutting;
  ok(
    failed.error instanceof Error && "code" in failed.error && failed.error.code === "unavailable",
    String(failed.error),
  );
  await project.run(ORDERS);
  await project.equalsSource(ORDERS);
});
