import { systemClock } from "../../../../contract/clock.ts";
import { PROJECT_PATHS } from "../../../../contract/project/project_paths.ts";
import { Egress } from "../../../../engine/grants/egress/egress.ts";
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { connectors } from "../../../../connectors/registry.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { ConnectorDefinition } from "../../../../contract/connector/entry.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { defaultPolicy, parsePolicy } from "../../../../engine/grants/policy.ts";
import { collectAsks } from "../../../../engine/grants/asks.ts";
import { createFence } from "../../../../engine/grants/fence.ts";
import { createGrant } from "../../../../engine/grants/grant.ts";
import { provide, type ProvisionSubject } from "../../../../engine/grants/provide.ts";

/** A project with data, a data folder of its own and a folder outside. */
class GrantFixture implements AsyncDisposable {
  readonly root: string;
  readonly project: string;
  readonly outside: string;

  constructor(root: string) {
    this.root = root;
    this.project = join(root, "project");
    this.outside = join(root, "outside");
  }

  static async make(): Promise<GrantFixture> {
    const fixture = new GrantFixture(
      await Deno.realPath(await Deno.makeTempDir({ prefix: "sluice-grant-" })),
    );
    const { project, outside, root } = fixture;
    for (const folder of ["data", "pipelines", ".sluice/warehouse", ".git"]) {
      await Deno.mkdir(join(project, folder), { recursive: true });
    }
    for (const folder of [outside, join(root, "program"), join(root, "secrets")]) await Deno.mkdir(folder);
    const files = ["data/a.csv", "orders.csv", "connectors.yaml", ".sluice/server.json", "app.db"];
    for (const path of files) await Deno.writeTextFile(join(project, path), "a\n1\n");
    await Deno.writeTextFile(join(outside, "x.csv"), "a\n1\n");
    await Deno.writeTextFile(join(root, "program", "main.ts"), "");
    return fixture;
  }

  provide(
    definition: unknown,
    { policy, purpose = "run", shop }: {
      policy?: string;
      purpose?: ProvisionSubject["purpose"];
      shop?: ConnectorDefinition;
    } = {},
  ) {
    const parsed = policy === undefined
      ? { policy: defaultPolicy(this.project) }
      : parsePolicy(policy, join(this.root, "policy.yaml"), this.project);
    if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
    return provide({
      connectors,
      egress: new Egress(systemClock),
      references: { env: () => undefined, secrets: { get: () => Promise.resolve("s3cret-value") } },
      policy: parsed.policy,
      projectDir: this.project,
      dataDir: join(this.project, ".sluice"),
      programPaths: [join(this.root, "program")],
      secretFolders: [join(this.root, "secrets")],
      storePath: join(this.outside, "control.db"),
      keyPath: join(this.outside, "sluice.key"),
    }, {
      definition: v.parse(pipelineSchema, definition),
      connectors: {
        files: { type: "file" },
        out: { type: "file", root: this.outside },
        app: { type: "sqlite", path: "app.db" },
        mirror: { type: "sqlite", path: "data/../app.db" },
        linked: { type: "sqlite", path: "data/linked.db" },
        lake: { type: "duckdb", path: "lake.duckdb" },
        other: { type: "postgres", host: "DB.example", port: 5433, user: "you", database: "shop" },
        here: { type: "postgres", url: "postgres://me@127.0.0.1/shop" },
        local: { type: "postgres", url: "postgres://me@localhost:5432/shop", schema: "sales" },
        control: { type: "sqlite", path: ".sluice/sluice.db" },
        shop: shop ?? { type: "postgres", url: "postgres://me:${secret:PW}@db.example:5433/shop" },
      },
      purpose,
    });
  }

  async refusal(definition: unknown, policy?: string): Promise<string> {
    try {
      await this.provide(definition, policy === undefined ? {} : { policy });
    } catch (error) {
      ok(error instanceof AppError);
      equal(error.code, "forbidden", error.message);
      return error.message.replaceAll(this.root, "");
    }
    return "allowed";
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.root, { recursive: true });
  }
}

const stream = (path: string) => ({ extract: { s: { connector: "files", path } } });
const load = (path: string, connector = "files") => ({
  extract: { s: { connector: "shop", query: "SELECT 1" } },
  load: { s: { connector, path } },
});

Deno.test("provide() grants just what the connectors' uses need, and knows every secret", async () => {
  await using fixture = await GrantFixture.make();
  const { project } = fixture;
  const { grant, redactor, hasSecrets, connectors: handed } = await fixture.provide({
    extract: {
      orders: { connector: "shop", stream: "public.orders" },
      files: { connector: "files", path: "data/*.csv" },
      one: { connector: "files", path: "orders.csv" },
      app: { connector: "app", stream: "t" },
    },
    load: { orders: { connector: "files", path: "out/orders.parquet" } },
  });
  const target = [`${project}/out/orders.parquet`, `${project}/out/.orders.parquet.sluice`];
  deepEqual(grant, {
    permissions: {
      hosts: ["db.example:5433"],
      read: [
        `${project}/data`,
        `${project}/orders.csv`,
        ...["", "-wal", "-shm", "-journal"].map((suffix) => `${project}/app.db${suffix}`),
        ...target,
      ].sort(),
      write: target.toSorted(),
      deny: [],
    },
    duckdb: {
      directories: [`${project}/data`, ...target].sort(),
      files: [`${project}/orders.csv`, ...target].sort(),
    },
  });
  equal(redactor.redact("with s3cret-value"), "with [redacted]");
  equal(hasSecrets, true);
  ok(!JSON.stringify(handed).includes("s3cret-value"), "the job holds no secret");
});

Deno.test("a glob over the project's root gives DuckDB its files one by one, and no folder", async () => {
  await using fixture = await GrantFixture.make();
  const { grant } = await fixture.provide(stream("**/*.csv"));
  const { project } = fixture;
  deepEqual(grant.duckdb, { directories: [], files: [`${project}/data/a.csv`, `${project}/orders.csv`] });
  ok(grant.permissions.read.includes(project));
  for (const path of ["connectors.yaml", ".sluice/server.json", ".sluice/sluice.db", ".git"]) {
    ok(grant.permissions.deny.includes(join(project, path)), path);
  }
});

Deno.test("a check's process gets its sources and no destination", async () => {
  await using fixture = await GrantFixture.make();
  const { grant } = await fixture.provide({
    extract: { s: { connector: "files", path: "orders.csv" } },
    load: { s: [{ connector: "files", path: "out/" }, { connector: "shop", table: "public.s" }] },
  }, { purpose: "check" });
  deepEqual(grant.permissions, { hosts: [], read: [`${fixture.project}/orders.csv`], write: [], deny: [] });
});

const REFUSED: readonly [what: string, definition: unknown, message: RegExp][] = [
  [
    "a file outside",
    stream("/etc/passwd"),
    /^Connector "files", stream "s": may not read \/etc\/passwd: it is outside of \/project; name its folder in file_roots/,
  ],
  [
    "a way out by dots",
    stream("data/../../outside/x.csv"),
    /may not read \/outside\/x\.csv: it is outside of/,
  ],
  ["a glob outside", stream("../**/*.csv"), /outside of/],
  [
    "the definitions as data",
    stream("connectors.yaml"),
    /connectors\.yaml: it is the project's definitions, which no policy opens/,
  ],
  ["a glob over the definitions", stream("*.yaml"), /connectors\.yaml: it is the project's definitions/],
  [
    "the server's own address and token",
    stream(".sluice/server.json"),
    /lies in \/project\/\.sluice, the data folder/,
  ],
  ["a warehouse", stream(".sluice/warehouse/other.duckdb"), /the data folder/],
  [
    "the control store",
    { extract: { s: { connector: "control", stream: "tokens" } } },
    /^Connector "control", stream "s": may not read .*sluice\.db: .*the data folder/,
  ],
  ["a load into the control store", {
    extract: { s: { connector: "shop", query: "SELECT 1" } },
    load: { s: { connector: "control", table: "tokens" } },
  }, /load of "s": may not (?:read|write) .*the data folder/],
  ...PROJECT_PATHS.map((path): [string, unknown, RegExp] => [
    `a load into ${path}`,
    load(path.includes(".") ? path : `${path}/evil.csv`),
    /may not write .*the project's definitions/,
  ]),
  [
    "a load among the pipelines",
    load("pipelines/evil.csv"),
    /lies in \/project\/pipelines, the project's definitions/,
  ],
  ["a load into a folder to be made", load("scripts/deep/evil.csv"), /the project's definitions/],
  ["a load over the whole project", load("./"), /may not write \/project: .* lies in it/],
  ["a load over a stream's file", {
    extract: { s: { connector: "files", path: "orders.csv" } },
    load: { s: { connector: "files", path: "orders.csv" } },
  }, /may not write .*orders\.csv: stream "s" reads it/],
  ["a load into a stream's glob", {
    extract: { s: { connector: "files", path: "data/*.csv" } },
    load: { s: { connector: "files", path: "data/new.csv" } },
  }, /stream "s" reads it/],
  ["a load over a stream's folder", {
    extract: { s: { connector: "files", path: "data/a.csv" } },
    load: { s: { connector: "files", path: "data/" } },
  }, /stream "s" reads it/],
];

/** A pipeline that reads a table and loads into one: each a connector and a name. */
const tables = (read: readonly [string, string], written: readonly [string, string], mode = "replace") => ({
  extract: { s: { connector: read[0], stream: read[1] } },
  load: { s: { connector: written[0], table: written[1], mode, primary_key: ["id"] } },
});

const SAME_TABLE = [
  ["of sqlite", tables(["app", "orders"], ["app", "orders"])],
  ["of sqlite by another entry and case", tables(["app", "main.orders"], ["mirror", "Orders"], "append")],
  ["of sqlite through a link", tables(["app", "orders"], ["linked", "orders"])],
  ["of duckdb", tables(["lake", "main.orders"], ["lake", "ORDERS"], "merge")],
  ["of postgres", tables(["shop", "orders"], ["shop", '"public".orders'])],
  ["of postgres by another user", tables(["shop", "orders"], ["other", "public.orders"])],
  ["of postgres on this machine", tables(["here", "sales.orders"], ["local", "orders"])],
] as const;

for (const [what, definition] of SAME_TABLE) {
  Deno.test(`provide() refuses a load over a stream's table ${what}`, async () => {
    await using fixture = await GrantFixture.make();
    await Deno.symlink("../app.db", join(fixture.project, "data", "linked.db"));
    match(
      await fixture.refusal(definition),
      /load of "s": may not write the table .*orders"?: stream "s" reads it; load into another table/,
    );
  });
}

Deno.test("provide() allows loads into other tables, databases and cases than a stream's", async () => {
  await using fixture = await GrantFixture.make();
  for (
    const definition of [
      tables(["app", "orders"], ["app", "orders_copy"]),
      tables(["app", "orders"], ["lake", "orders"]),
      tables(["lake", "orders"], ["lake", "sales.orders"]),
      tables(["shop", "orders"], ["shop", "Orders"]),
      tables(["shop", "orders"], ["here", "orders"]),
      tables(["here", "orders"], ["local", "orders"]),
    ]
  ) equal(await fixture.refusal(definition), "allowed");
});

for (const [what, definition, message] of REFUSED) {
  Deno.test(`provide() refuses ${what}`, async () => {
    await using fixture = await GrantFixture.make();
    match(await fixture.refusal(definition), message);
  });
}

Deno.test("no policy opens the system's folders, the program, secrets, the key or the policy itself", async () => {
  await using fixture = await GrantFixture.make();
  const policy = `file_roots: [/]`;
  await Deno.writeTextFile(join(fixture.root, "policy.yaml"), policy);
  for (
    const path of [
      "/proc/self/environ",
      "/sys/kernel/x.csv",
      "/dev/stdin",
      join(fixture.root, "program", "main.ts"),
      join(fixture.root, "secrets", "PW"),
      join(fixture.root, "policy.yaml"),
      join(fixture.project, ".sluice", "sluice.db"),
      join(fixture.outside, "control.db"),
      join(fixture.outside, "control.db-wal"),
      join(fixture.outside, "sluice.key"),
    ]
  ) {
    match(await fixture.refusal(stream(path), policy), /which no policy opens/, path);
  }
  match(
    await fixture.refusal(load(join(fixture.root, "program", "main.csv")), policy),
    /the program's own files/,
  );
  equal(await fixture.refusal(stream(join(fixture.outside, "x.csv")), policy), "allowed");
});

Deno.test("a policy's roots take the project's place", async () => {
  await using fixture = await GrantFixture.make();
  const policy = `file_roots: [${fixture.outside}]`;
  match(await fixture.refusal(stream("orders.csv"), policy), /outside of \/outside/);
  equal(await fixture.refusal(load("x.csv", "out"), policy), "allowed");
  equal(await fixture.refusal(stream("orders.csv"), `file_roots: [., ${fixture.outside}]`), "allowed");
});

Deno.test("links are followed before it is decided", async () => {
  await using fixture = await GrantFixture.make();
  const { project, outside } = fixture;
  await Deno.symlink("../orders.csv", join(project, "data", "inside.csv"));
  await Deno.symlink("data", join(project, "linked"));
  equal(await fixture.refusal(stream("data/inside.csv")), "allowed");
  equal(await fixture.refusal(stream("linked/a.csv")), "allowed");
  const { grant } = await fixture.provide(stream("data/*.csv"));
  deepEqual(grant.duckdb, { directories: [`${project}/data`], files: [`${project}/orders.csv`] });
  match(
    await fixture.refusal({
      extract: { s: { connector: "files", path: "orders.csv" } },
      load: { s: { connector: "files", path: "data/inside.csv" } },
    }),
    /data\/inside\.csv \(a link to \/project\/orders\.csv\): stream "s" reads it/,
  );
  await Deno.symlink(outside, join(project, "away"));
  match(
    await fixture.refusal(stream("away/x.csv")),
    /may not read \/project\/away\/x\.csv \(a link to \/outside\/x\.csv\): it is outside/,
  );
  match(await fixture.refusal(load("away/not/there/yet.csv")), /a link to \/outside\/not\/there\/yet\.csv/);
  await Deno.symlink("../.sluice/sluice.db", join(project, "data", "dangling.csv"));
  match(await fixture.refusal(load("data/dangling.csv")), /the data folder/);
  await Deno.symlink(join(outside, "x.csv"), join(project, "data", "out.csv"));
  match(
    await fixture.refusal(stream("data/*.csv")),
    /data\/out\.csv \(a link to \/outside\/x\.csv\)|data\/dangling\.csv/,
  );
  await Deno.symlink("circle.csv", join(project, "circle.csv"));
  match(await fixture.refusal(stream("circle.csv")), /lead in a circle/);
});

Deno.test("the policy decides about hosts, names and addresses alike", async () => {
  await using fixture = await GrantFixture.make();
  const shop = (host: string): ConnectorDefinition => ({ type: "postgres", host, user: "me", database: "x" });
  const definition = { extract: { s: { connector: "shop", stream: "public.t" } } };
  const outcome = async (host: string, policy: string) => {
    try {
      await fixture.provide(definition, { policy, shop: shop(host) });
      return "allowed";
    } catch (error) {
      return error instanceof AppError ? `${error.code} ${error.message}` : String(error);
    }
  };
  match(
    await outcome("db.example", "hosts_allow: ['*.other']"),
    /^forbidden Connector "shop", stream "s": may not connect to db\.example:5432: it is not among hosts_allow/,
  );
  equal(await outcome("db.example", "hosts_allow: ['db.example:5432']"), "allowed");
  match(
    await outcome("db.example", "hosts_deny: ['*.example']"),
    /hosts_deny of the operator's policy refuses it \(\*\.example\)/,
  );
  match(await outcome("127.0.0.1", "hosts_deny: [127.0.0.0/8]"), /refuses it \(127\.0\.0\.0\/8\)/);
  match(await outcome("localhost", "hosts_deny: [127.0.0.0/8, '::1']"), /may not connect to localhost:5432/);
  equal(await outcome("localhost", "hosts_allow: [127.0.0.0/8, '::1']"), "allowed");
  match(await outcome("no-such-host.invalid", "hosts_allow: [10.0.0.0/8]"), /^unavailable .*has no address/);
});

Deno.test("a password goes over no plain line to another machine, unless the policy names it", async () => {
  await using fixture = await GrantFixture.make();
  const definition = { extract: { s: { connector: "shop", stream: "public.t" } } };
  const outcome = async (more: Record<string, unknown>, policy = "{}", purpose: "run" | "check" = "run") => {
    const shop: ConnectorDefinition = { type: "postgres", user: "me", password: "${secret:PW}", ...more };
    try {
      const { refusals } = await fixture.provide(definition, { policy, shop, purpose });
      return refusals[0]?.message ?? "allowed";
    } catch (error) {
      return error instanceof AppError ? `${error.code} ${error.message}` : String(error);
    }
  };
  const refused =
    /Connector "shop", stream "s": may not sign in at db\.example:5432 without encryption: ssl is disable, .* write ssl: verify-full.* add db\.example to plain_hosts_allow/;
  const plain = { host: "db.example", ssl: "disable" };
  match(await outcome(plain), refused);
  match(await outcome(plain), /^forbidden /);
  match(await outcome(plain, "{}", "check"), refused);
  match(
    await outcome({ host: "db.example", ssl: "prefer" }),
    /ssl is prefer, which goes without TLS where the server says so/,
  );
  for (const named of ["db.example", "'*.example'", "'db.example:5432'", "'*'"]) {
    equal(await outcome(plain, `plain_hosts_allow: [${named}]`), "allowed", named);
  }
  // What a name leads to may be another machine by the time it is connected to.
  for (const other of ["'db.example:5433'", "other.example", "0.0.0.0/0"]) {
    match(await outcome(plain, `plain_hosts_allow: [${other}]`), refused);
  }
  match(await outcome({ host: "10.9.8.7", ssl: "disable" }), /add 10\.9\.8\.7 to plain_hosts_allow/);
  equal(await outcome({ host: "10.9.8.7", ssl: "disable" }, "plain_hosts_allow: [10.0.0.0/8]"), "allowed");
  equal(await outcome({ host: "127.0.0.1", ssl: "disable" }), "allowed");
  equal(await outcome({ host: "db.example" }), "allowed", "it is verified");
});

Deno.test("each connector that signs in over a plain line to another machine says so", () => {
  const lines = (type: string, entry: Record<string, unknown>) => {
    const connector = connectors.find(({ name }) => name === type);
    ok(connector !== undefined);
    const config = v.parse(connector.configSchema, entry);
    const access = connector.access(config, { kind: "discovery" }, { name: "x", projectDir: "/p" });
    return (access.plain ?? []).map(({ host }) => host);
  };
  const key = { access_key_id: "k", secret_access_key: "s", bucket: "raw" };
  const bearer = { type: "bearer", token: "t" };
  const client = { type: "oauth2_client_credentials", client_id: "i", client_secret: "s" };
  const cases: readonly [string, Record<string, unknown>, string[]][] = [
    ["http", { base_url: "http://api.example", auth: bearer }, ["api.example:80"]],
    ["http", { base_url: "http://api.example", headers: { "X-Api-Key": "k" } }, ["api.example:80"]],
    ["http", { base_url: "http://api.example", headers: { Accept: "text/csv" } }, []],
    ["http", { base_url: "http://localhost:8080", auth: bearer }, []],
    ["http", { base_url: "https://api.example", auth: bearer }, []],
    [
      "http",
      { base_url: "https://api.example", auth: { ...client, access_token_url: "http://auth.example/token" } },
      ["auth.example:80"],
    ],
    ["s3", { ...key, endpoint: "http://minio:9000" }, ["minio:9000"]],
    ["s3", { ...key, endpoint: "http://127.0.0.1:9000" }, []],
    ["s3", { ...key, endpoint: "https://minio:9000" }, []],
    ["s3", { bucket: "raw", credentials: "anonymous", endpoint: "http://minio:9000" }, []],
    ["s3", { ...key, endpoint: "https://minio:9000", sts_endpoint: "http://sts.example" }, [
      "sts.example:80",
    ]],
    ["libsql", { url: "libsql://db.example", auth_token: "t", tls: false }, ["db.example:80"]],
    ["libsql", { url: "libsql://db.example", auth_token: "t" }, []],
    ["libsql", { url: "libsql://db.example", tls: false }, []],
  ];
  for (const [type, entry, expected] of cases) deepEqual(lines(type, entry), expected, JSON.stringify(entry));
});

Deno.test("a socket and a certificate need no file root, and are no data", async () => {
  await using fixture = await GrantFixture.make();
  const shop: ConnectorDefinition = { type: "postgres", host: fixture.outside, user: "me", database: "x" };
  const definition = { extract: { s: { connector: "shop", stream: "public.t" } } };
  const { grant } = await fixture.provide(definition, { shop });
  const socket = `${fixture.outside}/.s.PGSQL.5432`;
  deepEqual(grant.permissions, { hosts: [`unix:${socket}`], read: [socket], write: [socket], deny: [] });
  deepEqual(grant.duckdb, { directories: [], files: [] });
  const authority = join(fixture.outside, "x.csv");
  const tls: ConnectorDefinition = {
    type: "postgres",
    host: "db",
    user: "me",
    database: "x",
    ssl: "verify-full",
    ssl_ca: authority,
  };
  const read = await fixture.provide(definition, { shop: tls });
  deepEqual([read.grant.permissions.read, read.grant.duckdb.files], [[authority], []]);
});

Deno.test("memory and spill are what the pipeline asks for, at most what the operator gives", async () => {
  await using fixture = await GrantFixture.make();
  const limits = async (memory: string | undefined, policy: string) => {
    const definition = {
      ...stream("orders.csv"),
      ...(memory === undefined ? {} : { resources: { memory } }),
    };
    const { directories: _, files: __, ...rest } =
      (await fixture.provide(definition, { policy })).grant.duckdb;
    return rest;
  };
  deepEqual(await limits("8GB", "memory_max: 4GB"), { memoryLimit: "4GB" });
  deepEqual(await limits("512MB", "memory_max: 4GB"), { memoryLimit: "512MB" });
  deepEqual(await limits(undefined, "memory_max: 4GB\nspill_max: 10GB"), {
    memoryLimit: "4GB",
    spillLimit: "10GB",
  });
  deepEqual(await limits("1GB", "spill_max: 10GB"), { memoryLimit: "1GB", spillLimit: "10GB" });
  deepEqual(await limits(undefined, "scripts: on"), {});
});

Deno.test("provide() keeps a secret in the wrong place out of its message", async () => {
  await using fixture = await GrantFixture.make();
  const definition = { extract: { s: { connector: "shop", stream: "public.t" } } };
  const wrong = fixture.provide(definition, {
    shop: { type: "postgres", host: "db", user: "me", port: "${secret:PW}" },
  });
  await rejects(wrong, (error: unknown) => {
    ok(error instanceof AppError);
    match(error.message, /"shop".*port/);
    ok(!error.message.includes("s3cret-value"), error.message);
    return true;
  });
  const refused = fixture.provide(definition, {
    policy: "hosts_allow: [other]",
    shop: { type: "postgres", host: "${secret:HOST}", user: "me", database: "x" },
  });
  await rejects(refused, (error: unknown) => {
    ok(error instanceof AppError);
    match(error.message, /may not connect to \[redacted\]:5432/);
    return true;
  });
});

Deno.test("programs are started by the very paths that the policy names, and scripts unless it is off", async () => {
  await using fixture = await GrantFixture.make();
  const link = join(fixture.project, "tap");
  await Deno.symlink("/bin/sh", link);
  const asker = { connector: "tap", use: `stream "s"`, place: [] };
  const decide = async (text: string) => {
    const parsed = parsePolicy(text, join(fixture.root, "policy.yaml"), fixture.project);
    if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
    const fence = await createFence({
      policy: parsed.policy,
      projectDir: fixture.project,
      dataDir: join(fixture.project, ".sluice"),
      programPaths: [],
      secretFolders: [],
    });
    const asks = await collectAsks(fence, asker, {
      hosts: [],
      read: [],
      write: [],
      commands: [link],
      startsScripts: true,
      startsPython: text.includes("python"),
    });
    const { grant: { permissions }, refusals } = createGrant(fence, asks, undefined);
    return { permissions, refusals: refusals.map(({ message }) => message.replaceAll(fixture.root, "")) };
  };
  const real = await Deno.realPath("/bin/sh");
  for (const allowed of [link, real]) {
    const { permissions, refusals } = await decide(`commands_allow: [${allowed}]`);
    deepEqual([permissions.commands, permissions.startsScripts, refusals], [[link], true, []]);
  }
  const tap = `Connector "tap", stream "s"`;
  deepEqual((await decide("{}")).refusals, [
    `${tap}: may not start /project/tap: it is not among commands_allow of the operator's policy`,
  ]);
  deepEqual((await decide(`{ commands_allow: [${link}], scripts: off }`)).refusals, [
    `${tap}: may not run its script: scripts of the operator's policy is off`,
  ]);
  const python = await decide(`{ commands_allow: [${link}], python: /usr/bin/python3 }`);
  deepEqual([python.permissions.python, python.refusals], ["/usr/bin/python3", []]);
  // To be allowed as a command is not enough: a command may be given any arguments.
  const asCommand = await decide(`commands_allow: [${link}, /usr/bin/python3]`);
  deepEqual([asCommand.permissions.python, asCommand.refusals], [undefined, [
    `${tap}: may not run Python: python of the operator's policy names no interpreter, as /usr/bin/python3`,
  ]]);
});
