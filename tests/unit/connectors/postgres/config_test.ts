import assert from "node:assert/strict";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { postgres } from "../../../../connectors/postgres/connector.ts";
import { testContext } from "../../../support/postgres_connector.ts";

const parse = (entry: unknown) => v.parse(postgres.configSchema, entry);

function faultsOf(entry: unknown): string[] {
  const result = v.safeParse(postgres.configSchema, entry);
  return result.success ? [] : result.issues.map((issue) => issue.message);
}

Deno.test("a url gives host, port, database, user and password, percent-decoded", () => {
  const config = parse({ url: "postgresql://an%40na:p%2Fw%23@db.example:6543/my%20db?sslmode=require" });
  assert.deepEqual(
    { ...config, password: config.password?.reveal() },
    {
      hosts: [{ host: "db.example", port: 6543 }],
      database: "my db",
      user: "an@na",
      password: "p/w#",
      ssl: "require",
      sslNegotiation: "postgres",
      sslCa: undefined,
      sslCert: undefined,
      sslKey: undefined,
      tlsDemands: { minVersion: "TLSv1.2", serverName: undefined },
      channelBinding: "prefer",
      authMethods: new Set(["none", "password", "md5", "scram-sha-256"]),
      targetSession: "any",
      options: undefined,
      schema: "public",
      connectTimeoutMs: 10_000,
      applicationName: "sluice",
    },
  );
  assert(Object.isFrozen(config));
});

Deno.test("other keys win over the url, and all have defaults but the user", () => {
  const config = parse({ url: "postgres://u:p@h/d", host: "::1", port: 1, database: "e", schema: "s" });
  assert.deepEqual([config.hosts, config.database, config.schema], [[{ host: "::1", port: 1 }], "e", "s"]);
  const least = parse({ user: "me" });
  assert.deepEqual(least.hosts, [{ host: "localhost", port: 5432 }]);
  assert.deepEqual([least.database, least.ssl], ["me", "prefer"]);
});

Deno.test("hosts and ports come as in libpq: lists, addresses in brackets, folders percent-encoded or as a parameter", () => {
  const hosts = (entry: Record<string, unknown>) =>
    parse({ user: "u", ...entry }).hosts.map(({ host, port }) => `${host} ${port}`);
  assert.deepEqual(hosts({ url: "postgres://u@[::1]:5433/d" }), ["::1 5433"]);
  assert.deepEqual(hosts({ url: "postgres://u@%2Fvar%2Frun/d" }), ["/var/run 5432"]);
  assert.deepEqual(hosts({ url: "postgres://u@%2Fvar%2Frun:6000/d" }), ["/var/run 6000"]);
  assert.deepEqual(hosts({ url: "postgresql:///d?host=/var/run&port=6000" }), ["/var/run 6000"]);
  assert.deepEqual(hosts({ url: "postgres://a:1,b,[::2]:3/d" }), ["a 1", "b 5432", "::2 3"]);
  assert.deepEqual(hosts({ url: "postgres://a,b/d?port=7" }), ["a 7", "b 7"]);
  assert.deepEqual(hosts({ host: "a, b", port: "1,2" }), ["a 1", "b 2"]);
  assert.deepEqual(hosts({ host: "a,/run/pg", port: 9 }), ["a 9", "/run/pg 9"]);
  assert.match(faultsOf({ user: "u", host: "a,b", port: "1,2,3" }).join(), /3 ports for 2 hosts/);
  assert.match(faultsOf({ user: "u", host: "a", port: "70000" }).join(), /from 1 to 65535/);
});

Deno.test("libpq's parameters of a url have the meaning of the keys", () => {
  const config = parse({
    url:
      "postgresql://h?user=u&password=a%20b%2Bc+d&dbname=shop&sslmode=verify-ca&sslrootcert=ca.pem&sslcert=c.pem&" +
      "sslkey=k.pem&channel_binding=require&target_session_attrs=prefer-standby&options=-c%20work_mem%3D8MB&" +
      "application_name=night&connect_timeout=3&gssencmode=prefer&sslnegotiation=direct&require_auth=scram-sha-256",
  });
  assert.equal(config.password?.reveal(), "a b+c+d");
  const { user, database, ssl, sslCa, sslCert, sslKey, channelBinding, targetSession, options } = config;
  assert.deepEqual({ user, database, ssl, sslCa, sslCert, sslKey, channelBinding, targetSession, options }, {
    user: "u",
    database: "shop",
    ssl: "verify-ca",
    sslCa: "ca.pem",
    sslCert: "c.pem",
    sslKey: "k.pem",
    channelBinding: "require",
    targetSession: "prefer-standby",
    options: "-c work_mem=8MB",
  });
  assert.deepEqual([config.applicationName, config.connectTimeoutMs, config.sslNegotiation], [
    "night",
    3_000,
    "direct",
  ]);
  assert.deepEqual([...config.authMethods], ["scram-sha-256"]);
  assert.deepEqual([...parse({ user: "u", require_auth: "!password,!none" }).authMethods], [
    "md5",
    "scram-sha-256",
  ]);
  // An authority that is named is asked, as libpq has it.
  assert.equal(parse({ url: "postgres://u@h?sslmode=require&sslrootcert=ca.pem" }).ssl, "verify-ca");
  assert.equal(parse({ url: "postgres://u@h?sslmode=verify-full&sslrootcert=system" }).sslCa, undefined);
  for (const mode of ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]) {
    assert.equal(parse({ url: `postgres://u@h?sslmode=${mode}` }).ssl, mode);
  }
  for (const attrs of ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]) {
    assert.equal(parse({ url: `postgres://u@h?target_session_attrs=${attrs}` }).targetSession, attrs);
  }
});

Deno.test("what a url asks for and this client cannot do is refused, not ignored", () => {
  const refused: Readonly<Record<string, RegExp>> = {
    "gssencmode=require": /gssencmode .* expected disable or prefer/,
    "passfile=pgpass": /parameter "passfile" that has no meaning/,
    "service=shop": /parameter "service"/,
    "hostaddr=10.0.0.1": /parameter "hostaddr"/,
    "client_encoding=LATIN1": /client_encoding/,
    "replication=database": /replication/,
    "sslmode=sometimes": /value for ssl .* expected .*disable.*verify-full/,
    "channel_binding=yes": /value for channel_binding/,
    "channel_binding=require&sslmode=disable": /needs TLS/,
    "connect_timeout=soon": /value for connect_timeout/,
    "require_auth=kerberos": /require_auth has a method/,
    "sslcert=c.pem": /need each other/,
    "sslnegotiation=direct&sslmode=prefer": /needs ssl: require/,
    "ssl_min_protocol_version=TLSv1.1": /value for ssl_min_version .* expected .*1\.2.*1\.3/,
  };
  for (const [parameters, fault] of Object.entries(refused)) {
    assert.match(faultsOf({ url: `postgres://u:hidden@h/d?${parameters}` }).join(), fault);
  }
});

Deno.test("a wrong entry is told without its values", () => {
  assert.match(faultsOf({ url: "mysql://u:hidden@h/d" }).join(), /url is not postgres:/);
  assert.match(faultsOf({ url: "postgres://u:hid#den@h/d" }).join(), /percent-encoded/);
  assert.match(faultsOf({ url: "postgres://u:hid%zz@h/d" }).join(), /plain % as %25/);
  assert.match(faultsOf({ url: "postgres://u:hidden@h/d?pool=hidden" }).join(), /parameter "pool"/);
  assert.deepEqual(faultsOf({ host: "h" }), ["expected user, or a url with one"]);
  assert.deepEqual(faultsOf({ user: "u", ssl: "prefer", ssl_ca: "ca.pem" }), [
    "ssl_ca needs ssl: verify-ca or verify-full",
  ]);
  assert.equal(faultsOf({ user: "u", pasword: "x" }).length, 1);
  for (
    const url of [
      "mysql://u:hidden@h/d",
      "postgres://u:hid#den@h/d",
      "postgres://u:hidden@h/d?sslmode=hidden",
      "postgres://u:1/hid@h/d",
      "postgres://u:1?hid@h/d",
      "postgres://u:a?hid=hidden@h/d",
    ]
  ) {
    assert(!/hid/.test(faultsOf({ url }).join()));
  }
});

Deno.test("secrets() has the password as it is and as a URL carries it", () => {
  const secrets = postgres.secrets(parse({ url: "postgres://u:p%40ss%2Fw!@h/d" }));
  assert(secrets.includes("p@ss/w!"));
  assert(secrets.includes("p%40ss%2Fw!"));
  assert(secrets.includes("p%40ss%2Fw%21"));
  assert.deepEqual(postgres.secrets(parse({ user: "u" })), []);
  assert(!JSON.stringify(parse({ user: "u", password: "hidden" })).includes("hidden"));
});

Deno.test("a server on another machine is verified where nothing is said, and one on this machine need not be", () => {
  const ssl = (entry: Record<string, unknown>) => parse({ user: "u", ...entry }).ssl;
  for (const host of ["db.example", "10.0.0.7", "localhost,db.example", "fd00::7", "db"]) {
    assert.equal(ssl({ host }), "verify-full", host);
  }
  for (const host of ["localhost", "127.0.0.1", "::1", "/run/postgresql", "localhost,/run/postgresql"]) {
    assert.equal(ssl({ host }), "prefer", host);
  }
  assert.equal(ssl({ host: "localhost", ssl_ca: "ca.pem" }), "verify-full");
  const { tlsDemands } = parse({
    url: "postgres://u@h/d?ssl_min_protocol_version=TLSv1.3",
    ssl_server_name: "db",
  });
  assert.deepEqual(tlsDemands, { minVersion: "TLSv1.3", serverName: "db" });
  assert.equal(faultsOf({ user: "u", ssl_server_name: "db:5432" }).length, 1);
});

Deno.test("access() names the lines over which a password would go as others can read it", () => {
  const plain = (entry: Record<string, unknown>) =>
    postgres.access(parse({ user: "u", ...entry }), { kind: "discovery" }, testContext()).plain;
  const password = "p";
  for (const ssl of ["disable", "allow", "prefer"]) {
    const lines = plain({ host: "localhost,db.example,fd00::7", port: 6000, password, ssl });
    assert.deepEqual(lines?.map(({ host }) => host), ["db.example:6000", "[fd00::7]:6000"], ssl);
    assert.match(lines?.[0]?.because ?? "", new RegExp(`ssl is ${ssl}`));
  }
  for (const ssl of ["require", "verify-ca", "verify-full", undefined]) {
    assert.deepEqual(plain({ host: "db.example", password, ...(ssl === undefined ? {} : { ssl }) }), []);
  }
  assert.deepEqual(plain({ host: "db.example", ssl: "disable" }), [], "there is nothing to be read");
});

Deno.test("access() asks for every host, or the socket's path, and for the files of certificates", () => {
  const use = { kind: "discovery" } as const;
  const access = (entry: unknown) => postgres.access(parse(entry), use, testContext());
  const none = { read: [], write: [], config: [], plain: [], tables: [] };
  assert.deepEqual(access({ url: "postgres://u@db:6000/d" }), { hosts: ["db:6000"], ...none });
  assert.deepEqual(access({ user: "u", host: "::1" }).hosts, ["[::1]:5432"]);
  assert.deepEqual(access({ user: "u", host: "/run/postgresql" }), {
    hosts: ["unix:/run/postgresql/.s.PGSQL.5432"],
    ...none,
  });
  assert.deepEqual(access({ url: "postgres://u@a:1,b:2/d" }).hosts, ["a:1", "b:2"]);
  const tls = { user: "u", ssl: "verify-full", ssl_ca: "ca.pem", ssl_cert: "/etc/c.pem", ssl_key: "k.pem" };
  assert.deepEqual(access(tls).config, ["/nowhere/ca.pem", "/etc/c.pem", "/nowhere/k.pem"]);
});

Deno.test("every key of the config and of the options has a description in the JSON Schema", () => {
  const schemas = [postgres.configSchema, postgres.streamSchema, postgres.loadSchema];
  for (const schema of schemas) {
    const { properties = {} } = toJsonSchema(schema, { typeMode: "input", errorMode: "ignore" });
    for (const [key, property] of Object.entries(properties)) {
      assert(typeof property === "object" && property.description !== undefined, key);
    }
  }
});
