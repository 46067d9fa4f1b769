import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { rowsOf } from "../../support/arrow_rows.ts";
import { openPostgres, readAll } from "../../support/postgres_connector.ts";
import { makeCertificate, startPostgresWithTls } from "../../support/postgres.ts";
import { tlsRelay } from "../../support/tls_relay.ts";

/** Who runs this process, for `peer`. */
const me = new TextDecoder().decode((await new Deno.Command("id", { args: ["-un"] }).output()).stdout).trim();

const certificates = await Deno.makeTempDir({ prefix: "sluice-certificates-" });
await Deno.chmod(certificates, 0o755);
const client = await makeCertificate(certificates, "cert_user");
const stranger = await makeCertificate(certificates, "stranger");

const server = await startPostgresWithTls({
  hba: [
    "local     all peer_user  peer map=tests",
    "local     all clear      password",
    "local     all all        scram-sha-256",
    "host      all trusted    127.0.0.1/32 trust",
    "host      all old        127.0.0.1/32 md5",
    "host      all clear      127.0.0.1/32 password",
    "hostssl   all tls_only   127.0.0.1/32 scram-sha-256",
    "hostnossl all plain_only 127.0.0.1/32 scram-sha-256",
    "hostssl   all cert_user  127.0.0.1/32 cert",
    "host      all sluice     127.0.0.1/32 scram-sha-256",
    "host      all scram      127.0.0.1/32 scram-sha-256",
  ],
  ident: [`tests ${me} peer_user`],
  settings: { ssl_ca_file: client.certificate },
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(certificates, { recursive: true });
});

/** By psql, whose passwords are what users have. */
async function psql(...statements: readonly string[]): Promise<void> {
  const args = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", server.url];
  const commands = statements.flatMap((statement) => ["-c", statement]);
  const { success, stderr } = await new Deno.Command("psql", { args: [...args, ...commands] }).output();
  assert(success, new TextDecoder().decode(stderr));
}

await psql(
  "CREATE ROLE trusted LOGIN",
  "CREATE ROLE peer_user LOGIN",
  "CREATE ROLE cert_user LOGIN",
  "CREATE ROLE clear LOGIN PASSWORD 'p4ssword'; CREATE ROLE scram LOGIN PASSWORD 'p4ssword'",
  "CREATE ROLE tls_only LOGIN PASSWORD 'p4ssword'; CREATE ROLE plain_only LOGIN PASSWORD 'p4ssword'",
  "SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'pässword'",
);

type Entry = Readonly<Record<string, unknown>>;

/** How the session came to be: who, and whether over TLS. */
async function signIn(user: string, password: string | undefined, entry: Entry = {}): Promise<unknown[]> {
  const query = "SELECT current_user::text, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  const own = { user, host: "127.0.0.1", port: server.port, database: "postgres" };
  const all = { ...own, ...(password === undefined ? {} : { password }), ...entry };
  await using connection = await openPostgres(undefined, all);
  return [...rowsOf(await readAll(connection, { query }))[0] ?? []];
}

async function refuses(
  [user, password, entry]: readonly [string, string | undefined, Entry],
  code: string,
  message: RegExp,
): Promise<void> {
  await assert.rejects(signIn(user, password, entry), (error) => {
    assert(error instanceof AppError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    if (password !== undefined) assert(!error.message.includes(password));
    return true;
  });
}

Deno.test("passwords that SASLprep changes sign in as they do in psql", async () => {
  const passwords = {
    "a variation selector": "heart\u2764\uFE0F",
    "a soft hyphen": "soft\u00ADhyphen",
    "a zero width space": "zero\u200Bwidth",
    "a no-break space": "no\u00A0break",
    "full-width letters": "ｆｕｌｌ１２３",
    "a ligature": "ﬁsh and ﬂesh",
    "a decomposed letter": "cafe\u0301",
    "other scripts": "пароль密碼",
  };
  for (const [what, password] of Object.entries(passwords)) {
    await psql(`ALTER ROLE scram PASSWORD '${password}'`);
    for (const ssl of ["disable", "require"]) {
      assert.deepEqual(await signIn("scram", password, { ssl }), ["scram", ssl === "require"], what);
    }
    await refuses(
      ["scram", `${password}x`, { ssl: "disable" }],
      "unauthorized",
      /password authentication failed/,
    );
  }
  await psql("ALTER ROLE scram PASSWORD 'p4ssword'");
});

Deno.test("md5, trust, peer and a client's certificate sign in", async () => {
  assert.deepEqual(await signIn("old", "pässword", { ssl: "disable" }), ["old", false]);
  assert.deepEqual(await signIn("trusted", undefined, { ssl: "disable" }), ["trusted", false]);
  assert.deepEqual(await signIn("peer_user", undefined, { host: server.folder }), ["peer_user", false]);
  const own = { ssl: "require", ssl_cert: client.certificate, ssl_key: client.key };
  assert.deepEqual(await signIn("cert_user", undefined, own), ["cert_user", true]);
  const wrong = { ssl: "require", ssl_cert: stranger.certificate, ssl_key: stranger.key };
  await refuses(["cert_user", undefined, wrong], "unavailable", /.+/);
  await refuses(["old", "passwort", { ssl: "disable" }], "unauthorized", /password authentication failed/);
});

Deno.test("a password goes in clear over TLS and Unix sockets only", async () => {
  assert.deepEqual(await signIn("clear", "p4ssword", { ssl: "require" }), ["clear", true]);
  assert.deepEqual(await signIn("clear", "p4ssword", { host: server.folder }), ["clear", false]);
  await refuses(["clear", "p4ssword", { ssl: "disable" }], "unauthorized", /in clear text without TLS/);
});

Deno.test("require_auth refuses a server that asks for another way to sign in", async () => {
  const scram = { ssl: "require", require_auth: "scram-sha-256" };
  assert.deepEqual(await signIn("scram", "p4ssword", scram), ["scram", true]);
  await refuses(["clear", "p4ssword", scram], "unauthorized", /asks for password, which require_auth/);
  await refuses(["old", "pässword", scram], "unauthorized", /asks for md5, which require_auth/);
  await refuses(["trusted", undefined, scram], "unauthorized", /asks for no password, which require_auth/);
  const notMd5 = { ssl: "disable", require_auth: "!md5" };
  assert.deepEqual(await signIn("trusted", undefined, notMd5), ["trusted", false]);
  await refuses(["old", "pässword", notMd5], "unauthorized", /asks for md5/);
});

Deno.test("sslmode allow and prefer come to the kind of connection that the server admits", async () => {
  const reached = async (user: string, ssl: string) => (await signIn(user, "p4ssword", { ssl }))[1];
  assert.equal(await reached("scram", "allow"), false);
  assert.equal(await reached("scram", "prefer"), true);
  assert.equal(await reached("tls_only", "allow"), true);
  assert.equal(await reached("plain_only", "prefer"), false);
  await refuses(["plain_only", "p4ssword", { ssl: "require" }], "unauthorized", /no pg_hba.conf entry/);
  await refuses(["tls_only", "p4ssword", { ssl: "disable" }], "unauthorized", /set ssl: require/);
});

Deno.test("verify-ca wants an authority that vouches, verify-full the server's name as well", async () => {
  const entry = (ssl: string, authority: string) => ({ ssl, ssl_ca: authority });
  const password = "p4ssword";
  assert.deepEqual(await signIn("scram", password, entry("verify-ca", server.authority)), ["scram", true]);
  assert.deepEqual(await signIn("scram", password, entry("require", server.authority)), ["scram", true]);
  const stranger = entry("verify-ca", client.certificate);
  await refuses(["scram", password, stranger], "unavailable", /TLS handshake failed/);
  await refuses(
    ["scram", password, entry("require", client.certificate)],
    "unavailable",
    /TLS handshake failed/,
  );
  const named = { ...entry("verify-full", server.authority), host: "localhost" };
  assert.deepEqual(await signIn("scram", password, named), ["scram", true]);
  await refuses(["scram", password, entry("verify-full", server.authority)], "unavailable", /TLS handshake/);
});

Deno.test("channel_binding: require signs in bound to the TLS connection, or not at all", async () => {
  const bound = { ssl: "require", channel_binding: "require" };
  assert.deepEqual(await signIn("scram", "p4ssword", bound), ["scram", true]);
  await refuses(["old", "pässword", bound], "unauthorized", /channel_binding is require/);
  await refuses(["clear", "p4ssword", bound], "unauthorized", /channel_binding is require/);
  await refuses(["trusted", undefined, bound], "unauthorized", /channel_binding is require/);
  // The server admits this user without TLS only, and prefer falls back to that.
  const preferred = { ssl: "prefer", channel_binding: "require" };
  await refuses(["plain_only", "p4ssword", preferred], "unauthorized", /channel_binding is require/);
});

Deno.test("channel binding finds out a middleman whose certificate nobody verifies", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-relay-" });
  try {
    const middleman = await makeCertificate(folder, "localhost");
    await using relay = tlsRelay(server, {
      cert: await Deno.readTextFile(middleman.certificate),
      key: await Deno.readTextFile(middleman.key),
    });
    const through = { port: relay.port, ssl: "require", ssl_negotiation: "direct" };
    const unbound = { ...through, channel_binding: "disable" };
    assert.deepEqual(await signIn("scram", "p4ssword", unbound), ["scram", true]);
    for (const channel_binding of ["prefer", "require"]) {
      await refuses(["scram", "p4ssword", { ...through, channel_binding }], "unauthorized", /./);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Unix sockets are reached by the key, the url's host and the url's parameter", async () => {
  const shown = encodeURIComponent(server.folder);
  const urls = [
    `postgres://scram:p4ssword@${shown}:${server.port}/postgres`,
    `postgres://scram:p4ssword@/postgres?host=${shown}&port=${server.port}`,
    `postgres://scram:p4ssword@/postgres?host=${server.folder}&port=${server.port}&sslmode=require`,
  ];
  for (const url of urls) {
    await using connection = await openPostgres(url, {});
    const rows = rowsOf(
      await readAll(connection, { query: "SELECT inet_client_addr() IS NULL AS is_local" }),
    );
    assert.deepEqual(rows, [[true]]);
  }
  await refuses(
    ["scram", "p4ssword", { host: join(server.folder, "no") }],
    "unavailable",
    /no socket at that path/,
  );
});
