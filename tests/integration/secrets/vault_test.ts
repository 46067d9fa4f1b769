import { createHash } from "node:crypto";
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import type { LogLine } from "../../../contract/run.ts";
import { fileStoreUrl, openStore } from "../../../engine/store/open.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { SluiceServer, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";
import { engineTypes } from "../../support/vault/engines.ts";
import { VaultServer } from "../../support/vault/vault_server.ts";

/**
 * A server whose connectors have their passwords in Vault: users of a real PostgreSQL are made for a run, and gone behind
 * it, however it ends.
 */

const postgres = await acquirePostgres();
Deno.test.afterAll(() => postgres[Symbol.asyncDispose]());
const SECRET_ID = "the-secret-id-of-sluice";

Deno.test("a run's database user is made for it, and gone when it ends, is cancelled or is killed", async (t) => {
  await using database = await postgres.createDatabase();
  await database.sql.unsafe("CREATE TABLE orders (id integer); INSERT INTO orders VALUES (1), (2)");
  const fixed = `sluice_fixed_${database.name}`;
  await database.sql.unsafe(`CREATE ROLE "${fixed}" LOGIN PASSWORD 'first-pass-word'`);
  await database.sql.unsafe(`GRANT SELECT ON orders TO "${fixed}"`);
  await using vault = new VaultServer();
  const users = engineTypes.database(database.sql, {
    ro: { ttlMs: 20_000, maxTtlMs: 60_000 },
  });
  vault.mount("database", users);
  const kv = engineTypes.kv2({ "shop/fixed": [{ user: fixed, password: "first-pass-word" }] });
  vault.mount("secret", kv);
  vault.allow({
    method: "approle",
    sent: { role_id: "sluice", secret_id: SECRET_ID },
    rules: [
      { path: "database/creds/*", capabilities: ["read"] },
      { path: "secret/data/shop/*", capabilities: ["read"] },
      { path: "sys/leases/revoke", capabilities: ["update"] },
    ],
  });
  const at = `host: "${postgres.host}", port: ${postgres.port}, database: "${database.name}"`;
  const leased = (role: string) =>
    `{ type: postgres, ${at}, user: "\${vault:database/creds/${role}#username}", password: "\${vault:database/creds/${role}#password}" }`;
  await using project = await TestProject.create({
    "connectors.yaml": `
shop: ${leased("ro")}
fixed: { type: postgres, ${at}, user: "\${vault:secret/shop/fixed#user}", password: "\${vault:secret/shop/fixed#password}" }
`,
    "pipelines/who.yaml":
      `extract:\n  who: { connector: shop, query: "SELECT md5(current_user) AS who, id FROM orders" }\n`,
    "pipelines/slow.yaml":
      `extract:\n  slow: { connector: shop, query: "SELECT pg_sleep(60)::text AS s, current_user::text AS who" }\n`,
    "pipelines/fixed.yaml": `extract:\n  orders: { connector: fixed, stream: orders }\n`,
  });
  const { dataDir, projectDir } = project;
  const env = {
    VAULT_ADDR: vault.url,
    SLUICE_VAULT_ROLE_ID: "sluice",
    SLUICE_VAULT_SECRET_ID: SECRET_ID,
    // The process that is killed below is that of the run.
    SLUICE_READY_PROCESSES: "0",
  };
  await using server = await SluiceServer.start(projectDir, dataDir, env);
  const gone = async () =>
    equal(
      await waitFor(() => Promise.resolve(users.users.size === 0 || undefined), 40_000),
      true,
      [...users.users].join(),
    );
  const rolesInDatabase = async () =>
    (await database.sql.unsafe(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-test-%'`)).map((
      { rolname },
    ) => rolname)
      .filter((name) => users.users.has(String(name)));

  await t.step("a check makes none that stays", gone);

  await t.step(
    "each run has a user of its own, which signs in, and the log and the audit tell no secret",
    async () => {
      const seen = new Set<unknown>();
      for (const _ of [1, 2]) {
        const run = await server.ended((await server.trigger("who")).id);
        equal(run.state, "succeeded", run.error?.message);
        const { rows } = await server.call<{ rows: unknown[][] }>("GET", "/api/pipelines/who/tables/raw.who");
        seen.add(rows[0]?.[0]);
        await gone();
        const logs = JSON.stringify(await server.call<LogLine[]>("GET", `/api/runs/${run.id}/logs`));
        equal(logs.includes("v-test-ro"), false, "the user is a secret, too");
      }
      const made = users.made.map((name) => createHash("md5").update(name).digest("hex"));
      ok([...seen].every((hash) => made.includes(String(hash))));
      equal(seen.size, 2);
    },
  );

  await t.step(
    "a password that was changed is taken by the next run, without a restart or a failed attempt",
    async () => {
      const first = await server.ended((await server.trigger("fixed")).id);
      equal(first.state, "succeeded", first.error?.message);
      await database.sql.unsafe(`ALTER ROLE "${fixed}" PASSWORD 'second-pass-word'`);
      kv.secrets["shop/fixed"]?.push({ user: fixed, password: "second-pass-word" });
      const second = await server.ended((await server.trigger("fixed")).id);
      equal(second.state, "succeeded", second.error?.message);
      equal(second.attempts?.length ?? 1, 1);
    },
  );

  await t.step("a wrong password fails the run and is in no message", async () => {
    kv.secrets["shop/fixed"]?.push({ user: fixed, password: "third-pass-word" });
    await database.sql.unsafe(`ALTER ROLE "${fixed}" PASSWORD 'fourth-pass-word'`);
    const failed = await server.ended((await server.trigger("fixed")).id);
    equal(failed.state, "failed");
    equal(failed.error?.code, "unauthorized");
    equal(/-pass-word/.test(JSON.stringify(failed)), false);
    kv.secrets["shop/fixed"]?.push({ user: fixed, password: "fourth-pass-word" });
    const next = await server.ended((await server.trigger("fixed")).id);
    equal(next.state, "succeeded", next.error?.message);
  });

  const underWay = async () => {
    const run = await server.trigger("slow");
    await waitFor(() => Promise.resolve(users.users.size > 0 || undefined), 20_000);
    equal((await rolesInDatabase()).length, 1);
    return run;
  };

  await t.step("a test of a connector and a list of its streams leave no user", async () => {
    const tested = await server.call<{ ok: boolean }>("POST", "/api/connectors/shop/test", undefined, [
      200,
      202,
    ]);
    equal(tested.ok, true, JSON.stringify(tested));
    await gone();
  });

  await t.step("a cancelled run's user is gone", async () => {
    const run = await underWay();
    await server.call("POST", `/api/runs/${run.id}/cancel`);
    equal((await server.ended(run.id)).state, "cancelled");
    await gone();
  });

  await t.step("a killed process's user is gone", async () => {
    const run = await underWay();
    const pid = await server.runProcess();
    ok(pid !== undefined);
    Deno.kill(pid, "SIGKILL");
    equal((await server.ended(run.id)).state, "failed");
    await gone();
  });

  await t.step(
    "what a killed server leaves is revoked at the next start, by notes that tell nothing",
    async () => {
      await underWay();
      await server.kill();
      equal(users.users.size, 1);
      for await (const owner of Deno.readDir(join(dataDir, "leases"))) {
        for await (const { name } of Deno.readDir(join(dataDir, "leases", owner.name))) {
          const text = await Deno.readTextFile(join(dataDir, "leases", owner.name, name));
          equal(text.includes("database/creds"), false);
        }
      }
      const [left] = users.users;
      await using next = await SluiceServer.start(projectDir, dataDir, env);
      equal(
        await waitFor(() => Promise.resolve(users.users.has(left ?? "") ? undefined : true), 40_000),
        true,
      );
      const before = vault.tokens.length;
      await next.stop();
      notEqual(vault.tokens.length, before, "a server that stops ends its token");
      await gone();
    },
  );

  await t.step("each use is in the audit log, by reference, connector and run, without a value", async () => {
    await using store = await openStore(fileStoreUrl(join(dataDir, "sluice.db")));
    const lines = await store.audit.read(0, 500, { action: "secret.use" });
    const names = new Set(lines.map(({ target }) => target?.name));
    ok(
      names.has("vault:database/creds/ro#username") && names.has("vault:secret/shop/fixed#password"),
      [...names].join(),
    );
    const ofRuns = lines.filter(({ details }) => details?.["for"] === "run");
    const keys = ofRuns.map(({ target, details }) =>
      JSON.stringify([target?.name, details?.["connector"], details?.["run"]])
    );
    equal(new Set(keys).size, keys.length, "one line a run and reference");
    ok(ofRuns.every(({ pipeline, details }) => pipeline !== null && typeof details?.["run"] === "string"));
    equal(/-pass-word|v-test-ro|the-secret-id/.test(JSON.stringify(lines)), false);
  });

  await t.step(
    "sluice check says what has no value and what is refused, with its place and no value",
    async () => {
      await Deno.writeTextFile(
        join(projectDir, "connectors.yaml"),
        `shop: ${leased("ro")}
fixed: { type: postgres, ${at}, user: "\${vault:secret/shop/fixed#usr}", password: "\${vault:secret/other#password}" }
`,
      );
      const { code, stdout, stderr } = await project.sluice("check", [], env);
      const said = stdout + stderr;
      equal(code, 2, said);
      match(
        said,
        /connectors\.yaml:2:\d+: .*\$\{vault:secret\/shop\/fixed#usr\} of connector "fixed", key user: it has no field "usr", but user, password/,
      );
      match(
        said,
        /connectors\.yaml:2:\d+: .*\$\{vault:secret\/other#password\} .*key password: Vault does not give the secret \(403\)/,
      );
      equal(/-pass-word|the-secret-id/.test(said), false);
      const asked = vault.requests.length;
      const offline = await project.sluice("check", ["--offline"], env);
      equal(offline.code, 0, offline.stdout + offline.stderr);
      match(offline.stdout + offline.stderr, /key user: its store is not asked offline/);
      equal(vault.requests.length, asked, "offline, no store is asked");
      await gone();
      deepEqual(vault.leases, []);
    },
  );
});
