import assert from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { rowsOf } from "../../support/arrow_rows.ts";
import { openPostgres, readAll } from "../../support/postgres_connector.ts";
import { acquirePostgres, startPostgresWithTls } from "../../support/postgres.ts";

const plain = await acquirePostgres();
const secure = await startPostgresWithTls({ settings: { ssl_max_protocol_version: "TLSv1.2" } });
Deno.test.afterAll(async () => {
  await secure[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

const localhost = secure.url.replace("127.0.0.1", "localhost");

async function isEncrypted(url: string, entry: Record<string, unknown>): Promise<unknown> {
  await using connection = await openPostgres(url, entry);
  const query = "SELECT ssl, repeat('x', 1000000) AS t FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  return rowsOf(await readAll(connection, { query }))[0]?.[0];
}

const refuses = (url: string, entry: Record<string, unknown>, message: RegExp) =>
  assert.rejects(openPostgres(url, entry), (error) => {
    assert(error instanceof AppError);
    assert.equal(error.code, "unavailable");
    assert.match(error.message, message);
    return true;
  });

Deno.test("ssl: prefer and require encrypt where the server has TLS, with any certificate", async () => {
  assert.equal(await isEncrypted(secure.url, { ssl: "prefer" }), true);
  assert.equal(await isEncrypted(secure.url, { ssl: "require" }), true);
  assert.equal(await isEncrypted(secure.url, { ssl: "disable" }), false);
  assert.equal(await isEncrypted(plain.url, { ssl: "prefer" }), false);
});

Deno.test("ssl: verify-full wants an authority that vouches for the server, and its very name", async () => {
  const known = { ssl: "verify-full", ssl_ca: secure.authority };
  assert.equal(await isEncrypted(localhost, known), true);
  await refuses(localhost, { ssl: "verify-full" }, /TLS handshake failed/);
  await refuses(secure.url, known, /TLS handshake failed/);
  await refuses(plain.url, known, /does not offer TLS/);
});

Deno.test("ssl_server_name is the name that is verified, and ssl_min_version the oldest TLS that will do", async () => {
  const known = { ssl: "verify-full", ssl_ca: secure.authority };
  assert.equal(await isEncrypted(secure.url, { ...known, ssl_server_name: "localhost" }), true);
  await refuses(localhost, { ...known, ssl_server_name: "db.example" }, /for another name: .*db\.example/);
  assert.equal(await isEncrypted(localhost, { ...known, ssl_min_version: "1.2" }), true);
  await refuses(localhost, { ...known, ssl_min_version: "1.3" }, /TLS handshake failed/);
});

Deno.test("a certificate of nobody known says what to write", async () => {
  await refuses(
    localhost,
    { ssl: "verify-full" },
    /no known authority vouches .* in ssl_ca, or .* ssl: require/,
  );
  await refuses(plain.url, { ssl: "require" }, /does not offer TLS.*set ssl: disable.*plain_hosts_allow/);
});

Deno.test("open() names an authorities' file that cannot be read", async () => {
  await assert.rejects(openPostgres(localhost, { ssl: "verify-full", ssl_ca: "missing.pem" }), {
    code: "invalid",
    message: 'Cannot read the ssl_ca "/nowhere/missing.pem" of shop',
  });
});
