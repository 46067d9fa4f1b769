import assert from "node:assert/strict";
import * as v from "valibot";
import { configSchema, type MysqlConfig } from "../../../../connectors/mysql/config.ts";
import { mysql } from "../../../../connectors/mysql/connector.ts";
import { streamSchema } from "../../../../connectors/mysql/options.ts";

const parse = (entry: Readonly<Record<string, unknown>>): MysqlConfig => v.parse(configSchema, entry);

function faultsOf(entry: Readonly<Record<string, unknown>>): string {
  const parsed = v.safeParse(configSchema, entry);
  return parsed.success ? "" : parsed.issues.map(({ message }) => message).join("; ");
}

const place = { name: "shop", projectDir: "/project" };

Deno.test("a url says everything, and keys beside it win", () => {
  const config = parse({ url: "mysql://u%40x:p%23w@db.example:3307/shop%2F1", user: "other" });
  assert.deepEqual(
    [config.host, config.port, config.database, config.user, config.password?.reveal(), config.ssl],
    ["db.example", 3307, "shop/1", "other", "p#w", "verify-full"],
  );
  assert.equal(parse({ url: "mariadb://u@[::1]/d" }).host, "::1");
  assert.equal(parse({ url: "mysql://u@/d" }).host, "localhost");
  assert.equal(parse({ user: "u", database: "d" }).port, 3306);
});

Deno.test("parameters of the url are taken in the words of several clients", () => {
  const ssl = (query: string) => parse({ url: `mysql://u@h/d?${query}` }).ssl;
  assert.equal(ssl("ssl-mode=VERIFY_IDENTITY"), "verify-full");
  assert.equal(ssl("sslmode=verify-ca"), "verify-ca");
  assert.equal(ssl("sslMode=REQUIRED"), "require");
  assert.equal(ssl("ssl_mode=disabled"), "disable");
  assert.equal(ssl("ssl=true"), "require");
  assert.equal(ssl("useSSL=false"), "disable");
  assert.equal(ssl("tls=true"), "verify-full");
  assert.equal(ssl("tls=skip-verify"), "require");
  assert.equal(ssl("ssl-mode=REQUIRED&ssl-ca=ca.pem"), "verify-ca");
  const config = parse({ url: "mysql://u@h/d?connect-timeout=7&socket=/run/s&charset=utf8mb4" });
  assert.deepEqual([config.connectTimeoutMs, config.socket], [7000, "/run/s"]);
  assert.equal(parse({ url: "mysql://u@h/d?connectTimeout=2500" }).connectTimeoutMs, 2500);
});

Deno.test("a server on another machine is verified where nothing is said, and its password goes nowhere in clear", () => {
  const entry = (more: Record<string, unknown>) =>
    parse({ user: "u", database: "d", password: "p", ...more });
  assert.equal(entry({ host: "db.example" }).ssl, "verify-full");
  assert.equal(entry({ host: "127.0.0.1" }).ssl, "prefer");
  assert.equal(entry({ host: "db.example", socket: "/run/mysqld.sock" }).ssl, "prefer");
  assert.equal(entry({ host: "127.0.0.1", ssl_ca: "ca.pem" }).ssl, "verify-full");
  const place = { name: "shop", projectDir: "/nowhere" };
  const plain = (more: Record<string, unknown>) =>
    mysql.access(entry(more), { kind: "discovery" }, place).plain?.map(({ host }) => host);
  assert.deepEqual(plain({ host: "db.example", ssl: "disable" }), ["db.example:3306"]);
  assert.deepEqual(plain({ host: "db.example", ssl: "prefer", port: 7 }), ["db.example:7"]);
  assert.deepEqual(plain({ host: "db.example" }), []);
  assert.deepEqual(plain({ host: "localhost", ssl: "disable" }), []);
  assert.deepEqual(plain({ socket: "/run/mysqld.sock", ssl: "disable" }), []);
});

Deno.test("faults of a url name what is wrong and never show a value", () => {
  const cases = [
    ["mysql://u:s3cret/x@h/d", /percent-encoded/],
    ["mysql://u:s3cret?x@h/d", /percent-encoded/],
    ["postgres://u:s3cret@h/d", /not mysql:\/\//],
    ["mysql://u:s3cret%@h/d", /% that is not followed/],
    ["mysql://u:s3cret@h/d?nonsense=s3cret", /parameter "nonsense" that has no meaning/],
    [
      "mysql://u:s3cret@h/d?ssl-mode=s3cret",
      /value for ssl that has no meaning here; expected .*verify-full/,
    ],
    ["mysql://u:s3cret@h/d?charset=s3cret", /value for charset that is not possible here; expected utf8mb4/],
    ["mysql://u:s3cret@h/d?ssl=s3cret", /value for ssl that is not possible here; expected true or false/],
    ["mysql://u:s3cret@h:99999/d", /value for port/],
    ["mysql://h/d", /expected user/],
    ["mysql://u@h", /expected database/],
  ] as const;
  for (const [url, message] of cases) {
    const faults = faultsOf({ url });
    assert.match(faults, message, url);
    assert(!faults.includes("s3cret"), faults);
  }
  assert.match(faultsOf({ user: "u", database: "d", ssl_cert: "c" }), /need each other/);
  assert.match(
    faultsOf({ user: "u", database: "d", ssl: "prefer", ssl_ca: "c" }),
    /ssl_ca needs ssl: verify-ca or verify-full/,
  );
  assert.match(faultsOf({ user: "u", database: "d", socket: "s" }), /absolute path/);
});

Deno.test("the password prints nowhere, and its forms in a URL are secrets too", () => {
  const config = parse({ user: "u", database: "d", password: "a b!/ü" });
  assert(!JSON.stringify(config).includes("a b!"));
  assert.deepEqual(mysql.secrets(config), [
    "a b!/ü",
    "a%20b!%2F%C3%BC",
    "a%20b%21%2F%C3%BC",
    "a%20b!/%C3%BC",
  ]);
  assert.deepEqual(mysql.secrets(parse({ user: "u", database: "d" })), []);
});

Deno.test("access() names host or socket, PEM files, and the table that is read", () => {
  const stream = v.parse(streamSchema, { stream: "`a.b`.t" });
  const access = (entry: Readonly<Record<string, unknown>>) =>
    mysql.access(parse({ user: "u", database: "d", ...entry }), { kind: "source", stream }, place);
  assert.deepEqual(access({ host: "127.0.0.1" }).hosts, ["127.0.0.1:3306"]);
  assert.deepEqual(access({ host: "fd00::1", port: 1 }).hosts, ["[fd00::1]:1"]);
  assert.deepEqual(access({ socket: "/run/mysqld.sock" }).hosts, ["unix:/run/mysqld.sock"]);
  assert.deepEqual(access({ host: "127.0.0.1" }).tables, [
    { action: "read", database: "mysql localhost:3306", table: "`a.b`.t" },
  ]);
  assert.deepEqual(access({ ssl: "verify-full", ssl_ca: "ca.pem" }).config, ["/project/ca.pem"]);
  assert.deepEqual(access({ ssl_cert: "/c", ssl_key: "k" }).config, ["/c", "/project/k"]);
});
