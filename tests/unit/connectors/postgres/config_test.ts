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
      host: "db.example",
      port: 6543,
      database: "my db",
      user: "an@na",
      password: "p/w#",
      ssl: "require",
      sslCa: undefined,
      schema: "public",
      connectTimeoutMs: 10_000,
      applicationName: "sluice",
    },
  );
  assert(Object.isFrozen(config));
});

Deno.test("other keys win over the url, and all have defaults but the user", () => {
  const config = parse({ url: "postgres://u:p@h/d", host: "::1", port: 1, database: "e", schema: "s" });
  assert.deepEqual([config.host, config.port, config.database, config.schema], ["::1", 1, "e", "s"]);
  const least = parse({ user: "me" });
  assert.deepEqual([least.host, least.port, least.database, least.ssl], ["localhost", 5432, "me", "prefer"]);
  assert.equal(parse({ url: "postgres://u@[::1]:5433/d" }).host, "::1");
  assert.equal(parse({ url: "postgres://u@%2Fvar%2Frun/d" }).host, "/var/run");
});

Deno.test("a wrong entry is told without its values", () => {
  assert.match(faultsOf({ url: "mysql://u:hidden@h/d" }).join(), /url is not postgres:/);
  assert.match(faultsOf({ url: "postgres://u:hid#den@h/d" }).join(), /percent-encoded/);
  assert.match(faultsOf({ url: "postgres://u:hid%zz@h/d" }).join(), /plain % as %25/);
  assert.match(faultsOf({ url: "postgres://u:hidden@h/d?sslmode=allow" }).join(), /unknown sslmode/);
  assert.match(faultsOf({ url: "postgres://u:hidden@h/d?pool=hidden" }).join(), /parameter "pool"/);
  assert.match(faultsOf({ url: "postgres://u:hidden@a,b/d" }).join(), /more than one host/);
  assert.deepEqual(faultsOf({ host: "h" }), ["expected user, or a url with one"]);
  assert.deepEqual(faultsOf({ user: "u", ssl_ca: "ca.pem" }), ["ssl_ca needs ssl: verify-full"]);
  assert.equal(faultsOf({ user: "u", pasword: "x" }).length, 1);
  for (
    const url of [
      "mysql://u:hidden@h/d",
      "postgres://u:hid#den@h/d",
      "postgres://u:hidden@h/d?sslmode=hidden",
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

Deno.test("access() asks for the one host, or the socket's folder, and the authorities' file", () => {
  const use = { kind: "destination", target: "t" } as const;
  const access = (entry: unknown) => postgres.access(parse(entry), use, testContext());
  assert.deepEqual(access({ url: "postgres://u@db:6000/d" }), { hosts: ["db:6000"], read: [], write: [] });
  assert.deepEqual(access({ user: "u", host: "::1" }).hosts, ["[::1]:5432"]);
  assert.deepEqual(access({ user: "u", host: "/run/postgresql" }), {
    hosts: ["unix:/run/postgresql/.s.PGSQL.5432"],
    read: ["/run/postgresql"],
    write: ["/run/postgresql"],
  });
  assert.deepEqual(access({ user: "u", ssl: "verify-full", ssl_ca: "ca.pem" }).read, ["/nowhere/ca.pem"]);
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
