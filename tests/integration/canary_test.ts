import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Canary, ProcessWatch } from "../support/canary.ts";
import { crawlApi, crawlPages } from "../support/crawl.ts";
import { LOOPBACK_POLICY } from "../support/api_project.ts";
import { LocalServer } from "../support/api_bench.ts";
import { MailServer } from "../support/mail_server.ts";
import { acquirePostgres } from "../support/postgres.ts";
import { s3Url } from "../support/s3_bucket.ts";
import { NONE_READY } from "../support/served_project.ts";
import { sluiceArgs, SluiceServer, TOKEN } from "../support/sluice_server.ts";
import { TestProject } from "../support/test_project.ts";
import { engineTypes } from "../support/vault/engines.ts";
import { VaultServer } from "../support/vault/vault_server.ts";

/**
 * Secrets in every place that has some, used by runs that succeed and in every way that fails, and then looked for in all
 * that anybody else could see.
 */

const CONNECTORS = (
  pg: { host: string; port: number; database: string; user: string },
  api: string,
  plain: string,
) => `
files: { type: file }
pg: { type: postgres, host: ${pg.host}, port: ${pg.port}, database: ${pg.database}, user: ${pg.user}, password: "\${secret:PG}", ssl: disable }
pg_refused: { type: postgres, host: ${pg.host}, port: ${pg.port}, database: ${pg.database}, user: ${pg.user}, password: "\${secret:PG_WRONG}", ssl: disable }
pg_away: { type: postgres, url: "\${secret:PG_AWAY}" }
pg_unencoded: { type: postgres, url: "\${secret:PG_UNENCODED}" }
my_away: { type: mysql, url: "\${secret:MY_AWAY}" }
api: { type: http, base_url: "${api}/v1", auth: { type: bearer, token: "\${vault:secret/shop/api#token}" } }
api_query: { type: http, base_url: "${api}/v1", params: { key: "\${secret:API_QUERY}" } }
api_basic: { type: http, base_url: "${api}/v1", auth: { type: basic, username: me, password: "\${secret:API_BASIC}" } }
bucket: { type: s3, bucket: nowhere, region: us-east-1, endpoint: "${s3Url()}", path_style: true, access_key_id: testing, secret_access_key: "\${secret:S3}" }
app_away: { type: libsql, url: "http://127.0.0.1:1", auth_token: "\${secret:LIBSQL}" }
# As they ought not to: these stand in the file itself.
pg_plain: { type: postgres, host: ${pg.host}, port: ${pg.port}, database: ${pg.database}, user: ${pg.user}, password: ${
  JSON.stringify(plain)
}, ssl: disable }
my_plain: { type: mysql, url: ${JSON.stringify(`mysql://me:${encodeURIComponent(plain)}@127.0.0.1:1/shop`)} }
api_plain: { type: http, base_url: "${api}/v1", auth: { type: bearer, token: ${JSON.stringify(plain)} } }
api_param: { type: http, base_url: "${api}/v1", params: { key: ${JSON.stringify(plain)} } }
`;

const NOTIFIERS = (mailPort: number, mailFile: string, api: string, plain: string) => `
post: { type: smtp, host: 127.0.0.1, port: ${mailPort}, username: me, password: "\${cmd:/bin/cat ${mailFile}}", security: none, from: a@example.com, to: [b@example.com], group: 0s }
chat: { type: slack, url: "${api}/hook/\${secret:CHAT}", group: 0s }
plain: { type: webhook, url: "${api}/hook/plain", username: me, password: ${
  JSON.stringify(plain)
}, group: 0s }
`;

const read = (connector: string, address: string) =>
  `extract: { rows: { connector: ${connector}, ${address} } }\nnotify: [{ on: [failure], to: chat }]\n`;

/** Each fails in its own way, some in their check already. */
const FAILING: Readonly<Record<string, string>> = {
  pg_unencoded: read("pg_unencoded", "query: SELECT 1 AS a"),
  pg_refused: read("pg_refused", "query: SELECT 1 AS a"),
  pg_away: read("pg_away", "query: SELECT 1 AS a"),
  pg_query: read("pg", "query: SELECT no_such_column FROM orders"),
  my_away: read("my_away", "stream: shop.orders"),
  pg_plain: read("pg_plain", "query: SELECT 1 AS a"),
  my_plain: read("my_plain", "stream: shop.orders"),
  api_plain: read("api_plain", "endpoint: refused"),
  api_param: read("api_param", "endpoint: refused"),
  api_refused: read("api", "endpoint: refused"),
  api_broken: read("api", "endpoint: broken"),
  api_lost: read("api", "endpoint: lost"),
  api_elsewhere: read("api", "endpoint: elsewhere"),
  api_query: read("api_query", "endpoint: refused"),
  api_basic: read("api_basic", "endpoint: refused"),
  bucket: read("bucket", 'path: "in/*.csv"'),
  app_away: read("app_away", "query: SELECT 1 AS a"),
  script_throws: read("script", "script: scripts/throws.ts, secrets: [SCRIPT]").replace(
    "connector: script, ",
    "",
  ),
};

const SUCCEEDING: Readonly<Record<string, string>> = {
  good: `
extract:
  orders: { connector: pg, stream: public.orders }
  things: { connector: api, endpoint: things }
  told: { script: scripts/tells.ts, secrets: [SCRIPT] }
load:
  orders: [{ connector: files, path: out/orders.csv }, { connector: pg, table: public.copied, mode: replace }]
notify: [{ on: [success], to: post }]
`,
  hooked: 'webhooks: { news: { secret: "${secret:HOOK}" } }\nextract: { news: { webhook: news } }\n',
};

const SCRIPTS = {
  "scripts/throws.ts":
    'export default async function* (ctx) {\n  const secret = ctx.secret("SCRIPT");\n  console.log(secret, btoa(encodeURIComponent(secret)));\n' +
    "  throw new Error(`cannot sign in with ${secret} at https://me:${encodeURIComponent(secret)}@example.com ` + JSON.stringify({ secret }));\n}\n",
  "scripts/tells.ts":
    'export default async function* (ctx) {\n  const secret = ctx.secret("SCRIPT");\n  console.log(`using ${secret}`);\n' +
    '  console.error(JSON.stringify([secret]), encodeURIComponent(secret), [...new TextEncoder().encode(secret)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));\n' +
    "  yield { length: secret.length };\n}\n",
};

Deno.test("secrets are found in no log, answer, page, argument, environment, file, backup or error", async () => {
  const key = crypto.getRandomValues(new Uint8Array(32)).toBase64();
  const canary = new Canary([TOKEN, key]);
  await using postgres = await acquirePostgres();
  await using database = await postgres.createDatabase();
  const { sql } = database;
  const role = `canary_${crypto.randomUUID().replaceAll("-", "")}`;
  const pgPassword = canary.secret("pg");
  await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${pgPassword.replaceAll("'", "''")}'`);
  await using _role = {
    [Symbol.asyncDispose]: async () => void await sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`),
  };
  await sql.unsafe(
    `CREATE TABLE orders (id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'a'), (2, 'b');
    GRANT SELECT ON orders TO ${role}; GRANT CREATE, USAGE ON SCHEMA public TO ${role}; GRANT CREATE ON DATABASE "${database.name}" TO ${role}`,
  );

  let isBroken = false;
  // What a system says in its errors is not ours: this one repeats all that it was sent.
  await using api = await LocalServer.http((request, response) => {
    const sent = JSON.stringify([request.url, request.headers]);
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (path.endsWith("/things") || !isBroken && path.startsWith("/v1/")) {
      response.setHeader("content-type", "application/json");
      return void response.end('[{"id": 1}]');
    }
    if (path.endsWith("/broken")) {
      response.setHeader("content-type", "application/json");
      return void response.end(`[{"id": 1}, ${sent}`);
    }
    if (path.endsWith("/lost")) return void request.socket.destroy();
    if (path.endsWith("/elsewhere")) {
      response.writeHead(302, { location: `http://127.0.0.1:1/?${new URLSearchParams({ sent })}` });
      return void response.end();
    }
    response.writeHead(path.startsWith("/hook/") ? 500 : 401, {
      "content-type": "application/json",
      "www-authenticate": sent,
    });
    response.end(JSON.stringify({ error: sent, path: request.url }));
  });
  await using mail = new MailServer();

  const secrets: Record<string, string> = {
    PG: pgPassword,
    PG_WRONG: canary.secret("pg wrong"),
    PG_AWAY: `postgres://me:${encodeURIComponent(canary.secret("pg away"))}@127.0.0.1:1/shop`,
    // As people write it.
    PG_UNENCODED: `postgres://me:${canary.secret("pg unencoded")}@127.0.0.1:1/shop`,
    MY_AWAY: `mysql://me:${encodeURIComponent(canary.secret("my away"))}@127.0.0.1:1/shop`,
    API_QUERY: canary.secret("api query"),
    API_BASIC: canary.secret("api basic"),
    LIBSQL: canary.plainSecret("libsql"),
    CHAT: canary.plainSecret("chat"),
    SCRIPT: canary.secret("script"),
  };
  /** These lie in files. */
  const inFiles: Record<string, string> = {
    HOOK: canary.plainSecret("hook"),
    mail: canary.secret("mail"),
  };

  /** It stands in connectors.yaml and notifiers.yaml, and is to be in no other file. */
  const plain = canary.secret("plain");

  await using vault = new VaultServer();
  vault.mount("secret", engineTypes.kv2({ "shop/api": [{ token: canary.plainSecret("api") }] }));
  vault.allow({
    method: "approle",
    sent: { role_id: "sluice", secret_id: canary.plainSecret("secret id") },
    rules: [{ path: "secret/data/shop/*", capabilities: ["read"] }],
  });

  const secretsDir = await Deno.makeTempDir({ prefix: "sluice-canary-" });
  await using _secretsDir = {
    [Symbol.asyncDispose]: async () => await Deno.remove(secretsDir, { recursive: true }),
  };
  await using project = await TestProject.create({
    "policy.yaml": `${LOOPBACK_POLICY}secret_commands_allow: ["/bin/cat"]\n`,
    "connectors.yaml": CONNECTORS(
      {
        host: postgres.host,
        port: postgres.port,
        database: database.name,
        user: role,
      },
      api.url,
      plain,
    ),
    "notifiers.yaml": NOTIFIERS(mail.port, join(secretsDir, "mail"), api.url, plain),
    ...Object.fromEntries(
      Object.entries({ ...FAILING, ...SUCCEEDING }).map((
        [name, text],
      ) => [`pipelines/${name}.yaml`, text]),
    ),
    ...SCRIPTS,
  });
  const { folder, projectDir, dataDir } = project;
  for (const [name, value] of Object.entries(inFiles)) {
    await Deno.writeTextFile(join(secretsDir, name), `${value}\n`);
  }
  const logFile = join(folder, "server.log");
  const env = {
    ...NONE_READY,
    ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`SLUICE_SECRET_${name}`, value])),
    SLUICE_SECRETS_DIR: secretsDir,
    SLUICE_POLICY: join(projectDir, "policy.yaml"),
    SLUICE_LOG_FILE: logFile,
    SLUICE_AUDIT_FILE: join(folder, "audit.ndjson"),
    SLUICE_KEY: key,
    VAULT_ADDR: vault.url,
    SLUICE_VAULT_ROLE_ID: "sluice",
    SLUICE_VAULT_SECRET_ID: canary.plainSecret("secret id"),
    SLUICE_OIDC_ISSUER: "http://127.0.0.1:1",
    SLUICE_OIDC_CLIENT_ID: "sluice",
    SLUICE_OIDC_CLIENT_SECRET: canary.secret("oidc"),
    SLUICE_PUBLIC_URL: "http://127.0.0.1:1",
  };

  /** What was printed, answered or shown, by what it was. */
  const seen = new Map<string, string>();
  const server = await SluiceServer.start(projectDir, dataDir, env);
  await using _server = server;
  const sluice = async (args: readonly string[], stdin = "", data = dataDir) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...sluiceArgs(...args), "--project", projectDir, "--data", data],
      env: { ...env, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    seen.set(`sluice ${args.join(" ")}`, text);
    return { code, text };
  };
  let processes: readonly string[];
  {
    await using watch = new ProcessWatch(server.pid);
    equal((await sluice(["secrets", "set", "S3", "--stdin"], canary.secret("s3"))).code, 0);
    await sluice(["apply"]);
    isBroken = true;
    const started: string[] = [];
    for (const name of [...Object.keys(FAILING), "good"]) {
      const answer = await server.request("POST", `/api/pipelines/${name}/runs`, { body: {} });
      const text = await answer.text();
      seen.set(`run ${name}: ${answer.status}`, text);
      if (answer.status === 202) started.push(JSON.parse(text).id);
      else match(text, /has faults/, name);
    }
    const states: string[] = [];
    for (const id of started) {
      const { pipeline, state, error, steps } = await server.ended(id, 120_000);
      equal(
        state,
        pipeline === "good" ? "succeeded" : "failed",
        `${pipeline}: ${JSON.stringify([error, steps])}`,
      );
      states.push(pipeline);
    }
    ok(states.length > 8, `only ${states.join(", ")} ran`);
    for (const secret of [inFiles["HOOK"] ?? "", canary.plainSecret("not the hook")]) {
      const posted = await fetch(`${server.url}/hooks/hooked/news`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: '{"id": 1}',
      });
      seen.set(`post ${posted.status}`, await posted.text());
    }
    for (
      const name of [
        "pg",
        "pg_refused",
        "pg_away",
        "pg_unencoded",
        "my_away",
        "api",
        "bucket",
        "app_away",
        "pg_plain",
        "api_plain",
        "my_plain",
      ]
    ) {
      // Their streams are asked for with all that can be read.
      const answer = await server.request("POST", `/api/connectors/${name}/test`);
      seen.set(`test ${name}: ${answer.status}`, await answer.text());
    }
    await sluice(["connectors", "test", "pg_refused"]);
    await sluice(["alerts", "test", "post"]);
    await sluice(["alerts", "test", "chat"]);
    await sluice(["alerts", "test", "plain"]);
    const created = await sluice(
      ["users", "create", "mia", "--password-stdin"],
      `${canary.secret("own")}
`,
    );
    equal(created.code, 0, created.text);
    await signIn(server, seen, "mia", canary.secret("own"), 303);
    await signIn(server, seen, "mia", canary.secret("not the password"), 401);
    for (const token of [canary.plainSecret("token"), `slc_${canary.plainSecret("token")}`]) {
      const refused = await fetch(`${server.url}/api/runs`, {
        headers: { authorization: `Bearer ${token}` },
      });
      seen.set("a wrong token", await refused.text());
    }
    for (
      const args of [["doctor"], ["check"], ["secrets", "list"], ["audit"], ["runs"], [
        "show",
        started[0] ?? "",
      ], [
        "logs",
        "--search",
        "e",
      ]]
    ) {
      await sluice(args);
    }
    ok((await sluice(["logs", started.at(-1) ?? ""])).text !== "");
    processes = [...watch.seen];
  }
  ok(
    processes.some((text) => text.startsWith("cmdline: ") && text.includes("worker")),
    "runs' processes were seen",
  );
  const mailUsers = mail.received.map(({ user }) => user);
  ok(
    mailUsers.some((user) => user?.includes(inFiles["mail"]?.slice(0, 16) ?? "")),
    `signed in as ${JSON.stringify(mailUsers)}: ${seen.get("sluice alerts test post")}`,
  );
  ok([...seen.values()].some((text) => text.includes("[redacted]")), "what is taken out shows that it is");

  for (const [what, text] of await crawlApi(server.url, TOKEN)) seen.set(what, text);
  const pages = await crawlPages(server.url, TOKEN);
  for (const [what, text] of pages) seen.set(what, text);
  ok(pages.size > 20, `only ${pages.size} pages`);
  const backup = join(folder, "backup.sluice");
  equal((await sluice(["backup", backup])).code, 0);
  seen.set("what the server printed", await server.stop());
  const restored = join(folder, "restored");
  const again = await sluice(["restore", backup], "", restored);
  equal(again.code, 0, again.text);
  // Without a server, and with what it left.
  match((await sluice(["run", "api_refused"])).text, /401/);
  await sluice(["check", "--offline"]);

  const leaks = [
    ...[...seen].flatMap(([what, text]) => canary.findIn(text).map((found) => `${what}: ${found}`)),
    ...processes.flatMap((text) => canary.findIn(text).map((found) => `${text.slice(0, 60)}: ${found}`)),
    ...await canary.findBelow(
      [folder],
      (path) => ["connectors.yaml", "notifiers.yaml"].some((name) => path === join(projectDir, name)),
    ),
  ];
  equal(leaks.join("\n"), "");
});

Deno.test("a canary is found in every form", () => {
  const canary = new Canary(["another"]);
  const secret = canary.secret("place");
  const bytes = new TextEncoder().encode(secret);
  for (
    const leak of [
      secret,
      encodeURIComponent(secret),
      JSON.stringify({ secret }),
      bytes.toBase64(),
      `x${btoa(`xy${canary.plainSecret("p")}`)}`,
      bytes.toHex(),
      bytes.toHex().toUpperCase(),
      secret.slice(2, 15),
      secret.slice(-12),
      [...secret].join("\0"),
      "and another",
    ]
  ) {
    ok(canary.findIn(leak).length > 0, leak);
    ok(canary.findIn(new TextEncoder().encode(`before ${leak} behind`)).length > 0, leak);
  }
  deepEqual(canary.findIn(new Canary().secret("place")), []);
});

async function signIn(
  server: SluiceServer,
  seen: Map<string, string>,
  name: string,
  password: string,
  status: number,
): Promise<void> {
  const response = await fetch(`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ username: name, password }),
    redirect: "manual",
  });
  seen.set(`sign in of ${name}: ${response.status}`, await response.text());
  equal(response.status, status);
}
