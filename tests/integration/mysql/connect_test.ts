import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { rowsOf } from "../../support/arrow_rows.ts";
import { giveToServer, startMariadb } from "../../support/mariadb.ts";
import { mysqlRequest, openMysql, type Own, readAll, readBatches } from "../../support/mysql_connector.ts";
import { openSession } from "../../support/mysql_session.ts";
import { makeCertificate } from "../../support/postgres.ts";

let authority = "";
const certificates = await Deno.makeTempDir({ prefix: "sluice-mysql-" });
await Deno.chmod(certificates, 0o755);
const client = await makeCertificate(certificates, "client");
const stranger = await makeCertificate(certificates, "stranger");
const server = await startMariadb({
  prepare: async (folder) => {
    const { certificate, key } = await makeCertificate(folder, "localhost");
    await giveToServer(key);
    authority = certificate;
    return {
      "ssl-cert": certificate,
      "ssl-key": key,
      "ssl-ca": client.certificate,
      "tls-version": "TLSv1.2",
    };
  },
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(certificates, { recursive: true });
});

const localhost = server.url.replace("127.0.0.1", "localhost");
const CIPHER = {
  query:
    "SELECT VARIABLE_VALUE AS c FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'ssl_cipher'",
};

async function cipher(url: string | undefined, entry: Readonly<Record<string, unknown>>): Promise<unknown> {
  await using shop = await openMysql(url, entry);
  return rowsOf(await readAll(shop, CIPHER))[0]?.[0];
}

async function rejects(work: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert(!`${error.message} ${error.detail} ${error.stack}`.includes(server.password));
    return true;
  });
}

Deno.test("a wrong password, database, host or port is named with what to do", async () => {
  const url = new URL(server.url);
  url.password = "wrong-horse";
  const who = new RegExp(
    `Cannot connect to MySQL as sluice@127.0.0.1:${server.port}/mysql: Access denied.*check user and password`,
  );
  await rejects(() => openMysql(url.href), "unauthorized", who);
  url.password = "";
  await rejects(() => openMysql(url.href), "unauthorized", /Access denied/);
  const nowhere = new URL(server.url);
  nowhere.pathname = "/nowhere";
  await rejects(() => openMysql(nowhere.href), "not_found", /Unknown database 'nowhere'/);
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  await rejects(
    () => openMysql(undefined, { host: "127.0.0.1", port, user: "u", database: "d" }),
    "unavailable",
    /connection refused/,
  );
  await rejects(
    () => openMysql(undefined, { host: "no-such-host.invalid", user: "u", database: "d" }),
    "unavailable",
    /no host of that name/,
  );
  await rejects(
    () => openMysql(undefined, { socket: "/no/such/socket", user: "u", database: "d" }),
    "unavailable",
    /no socket at that path/,
  );
});

Deno.test("ssl: prefer and require encrypt with any certificate, disable does not", async () => {
  assert.notEqual(await cipher(server.url, { ssl: "prefer" }), "");
  assert.notEqual(await cipher(server.url, { ssl: "require" }), "");
  assert.equal(await cipher(server.url, { ssl: "disable" }), "");
});

Deno.test("ssl: verify-ca wants an authority that vouches for the server, verify-full its very name too", async () => {
  const known = { ssl_ca: authority };
  assert.notEqual(await cipher(localhost, { ssl: "verify-full", ...known }), "");
  assert.notEqual(await cipher(server.url, { ssl: "verify-ca", ...known }), "");
  assert.notEqual(await cipher(server.url, { ssl: "require", ...known }), "");
  await rejects(() => openMysql(localhost, { ssl: "verify-full" }), "unavailable", /TLS handshake failed/);
  await rejects(() => openMysql(localhost, { ssl: "verify-ca" }), "unavailable", /TLS handshake failed/);
  await rejects(
    () => openMysql(server.url, { ssl: "verify-full", ...known }),
    "unavailable",
    /host is an address/,
  );
  await rejects(
    () => openMysql(localhost, { ssl: "verify-full", ssl_ca: "missing.pem" }),
    "invalid",
    /Cannot read the ssl_ca/,
  );
});

Deno.test("ssl_server_name is the name that is verified, and ssl_min_version the oldest TLS that will do", async () => {
  const known = { ssl: "verify-full", ssl_ca: authority };
  assert.notEqual(await cipher(server.url, { ...known, ssl_server_name: "localhost" }), "");
  await rejects(
    () => openMysql(localhost, { ...known, ssl_server_name: "db.example" }),
    "unavailable",
    /for another name: .*db\.example/,
  );
  assert.notEqual(await cipher(localhost, { ...known, ssl_min_version: "1.2" }), "");
  await rejects(
    () => openMysql(localhost, { ...known, ssl_min_version: "1.3" }),
    "unavailable",
    /TLS handshake failed/,
  );
  await rejects(
    () => openMysql(localhost, { ssl: "verify-full" }),
    "unavailable",
    /no known authority vouches .* in ssl_ca, or .* ssl: require/,
  );
});

Deno.test("a user who has to show a certificate gets in with it, and without it or with another's does not", async () => {
  await using root = await openSession(server.url);
  for (const host of ["127.0.0.1", "localhost"]) {
    await root.session.query(
      `CREATE USER IF NOT EXISTS shown@'${host}' IDENTIFIED BY 'p4ssword' REQUIRE X509`,
    );
  }
  const entry = {
    host: "127.0.0.1",
    port: server.port,
    user: "shown",
    password: "p4ssword",
    database: "information_schema",
  };
  const shown = { ssl: "require", ssl_cert: client.certificate, ssl_key: client.key };
  await (await openMysql(undefined, { ...entry, ...shown }))[Symbol.asyncDispose]();
  await rejects(() => openMysql(undefined, { ...entry, ssl: "require" }), "unauthorized", /Access denied/);
  await assert.rejects(
    openMysql(undefined, { ...entry, ...shown, ssl_cert: stranger.certificate, ssl_key: stranger.key }),
  );
});

Deno.test("ssl: verify-full refuses a certificate of an authority that is trusted, for another name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-mysql-" });
  try {
    let other = "";
    await using elsewhere = await startMariadb({
      prepare: async (own) => {
        const { certificate, key } = await makeCertificate(own, "elsewhere.example");
        await giveToServer(key);
        other = certificate;
        return { "ssl-cert": certificate, "ssl-key": key };
      },
    });
    const url = elsewhere.url.replace("127.0.0.1", "localhost");
    assert.notEqual(await cipher(url, { ssl: "verify-ca", ssl_ca: other }), "");
    await rejects(
      () => openMysql(url, { ssl: "verify-full", ssl_ca: other }),
      "unavailable",
      /TLS handshake failed/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("many rows over TLS and over the Unix socket are all there", async () => {
  const query = "SELECT seq, REPEAT('x', seq % 500) AS t FROM seq_1_to_100000";
  const { user, password, socket } = server;
  for (
    const [url, entry] of [
      [server.url, { ssl: "require" }],
      [undefined, { socket, user, password, database: "mysql" }],
    ] as const
  ) {
    await using shop = await openMysql(url, entry);
    let rows = 0;
    let sum = 0;
    for await (const batch of readBatches(shop, { query })) {
      rows += batch.numRows;
      for (const [seq, t] of rowsOf([batch])) {
        sum += Number(seq) * (String(t).length === Number(seq) % 500 ? 1 : 0);
      }
    }
    assert.deepEqual([rows, sum], [100_000, 100_000 * 100_001 / 2]);
  }
});

/** Reads in a process that may do just what `access` asks for. */
async function readAlone(
  entry: Own,
  permissions: readonly string[],
): Promise<{ rows: number; peakRssBytes: number }> {
  const script = join(import.meta.dirname ?? "", "../../support/read_rows.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--frozen", "--quiet", ...permissions, script],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  const query = "SELECT seq, REPEAT('x', 100) AS t FROM seq_1_to_1000000";
  await writer.write(new TextEncoder().encode(JSON.stringify({ type: "mysql", entry, query })));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("the permission for the server's host and port is enough, and memory stays bounded", async () => {
  const found = await readAlone({ url: server.url, ssl: "require" }, [
    `--allow-net=127.0.0.1:${server.port}`,
  ]);
  assert.equal(found.rows, 1_000_000);
  assert(found.peakRssBytes < 400_000_000, String(found.peakRssBytes));
});

Deno.test("the permission for the socket is enough", async () => {
  const { user, password, socket } = server;
  const permissions = [`--allow-net=unix:${socket}`, `--allow-read=${socket}`, `--allow-write=${socket}`];
  const found = await readAlone({ socket, user, password, database: "mysql" }, permissions);
  assert.equal(found.rows, 1_000_000);
});

Deno.test("a server that dies in the middle of the rows is unavailable, and read again when it is back", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v CHAR(200)); INSERT INTO t SELECT seq, 'x' FROM seq_1_to_300000",
  );
  await using shop = await openMysql(database.url);
  let rows = 0;
  await rejects(
    async () => {
      for await (const batch of readBatches(shop, { stream: "t" })) {
        if (rows === 0) await server.kill();
        rows += batch.numRows;
      }
    },
    "unavailable",
    /Cannot read t from shop: (?:the server closed the connection|the connection was (?:closed|reset))/,
  );
  assert(rows > 0 && rows < 300_000, String(rows));
  await rejects(
    () => readAll(shop, { stream: "t" }),
    "unavailable",
    /Cannot connect to MySQL.*connection refused/,
  );
  await server.restart();
  const again = await readAll(shop, { stream: "t" });
  assert.equal(again.reduce((sum, { numRows }) => sum + numRows, 0), 300_000);
});

Deno.test("an abort while rows are read stops at once, with the signal's reason", async () => {
  await using shop = await openMysql(server.url);
  const stop = new AbortController();
  const reason = new AppError("cancelled", "The run was cancelled");
  await assert.rejects(
    async () => {
      for await (
        const _ of readBatches(shop, { query: "SELECT * FROM seq_1_to_1000000000" }, {}, stop.signal)
      ) {
        stop.abort(reason);
      }
    },
    (error) => error === reason,
  );
});

Deno.test("a table that another transaction has locked is unavailable, and says so", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (id INT)");
  await using shop = await openMysql(database.url);
  const locker = await database.pool.getConnection();
  try {
    await locker.query("LOCK TABLES t WRITE");
    // The connector waits for minutes; who cannot wait stops it.
    const stop = new AbortController();
    const reading = shop.source.describe(mysqlRequest({ stream: "t" }), stop.signal);
    const waiting =
      "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'";
    while ((await database.run(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new AppError("timeout", "The time is up"));
    await rejects(() => reading, "timeout", /The time is up/);
    while ((await database.run(waiting)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await locker.query("UNLOCK TABLES");
  } finally {
    locker.release();
  }
  assert.deepEqual(rowsOf(await readAll(shop, { stream: "t" })), []);
});
