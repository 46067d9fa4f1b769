import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { systemClock } from "../../../../contract/clock.ts";
import { AppError } from "../../../../contract/errors.ts";
import { VaultClient } from "../../../../engine/secrets/vault/client.ts";
import { readVaultSettings } from "../../../../engine/secrets/vault/settings.ts";
import { createVaultTransit } from "../../../../engine/secrets/vault/transit.ts";
import { createVaultStore } from "../../../../engine/secrets/vault/vault_store.ts";
import { TestAuthority } from "../../../support/certificates.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";
import { engineTypes } from "../../../support/vault/engines.ts";
import {
  type PolicyRule,
  VaultServer,
  type VaultServerOptions,
} from "../../../support/vault/vault_server.ts";

const READ: PolicyRule[] = [
  { path: "secret/data/shop*", capabilities: ["read"] },
  { path: "kv1/*", capabilities: ["read"] },
];
const SIGN_IN = { role_id: "role", secret_id: "the-secret-id" };
const APPROLE = { SLUICE_VAULT_ROLE_ID: "role", SLUICE_VAULT_SECRET_ID: "the-secret-id" };

interface Fixture extends AsyncDisposable {
  readonly server: VaultServer;
  readonly client: VaultClient;
  readonly store: ReturnType<typeof createVaultStore>;
  readonly clock: FakeClock;
  readonly logged: string[];
}

/** The clock of the server and the client is one; it stands still, and moves by itself where the client pauses. */
function fixture(
  env: Record<string, string> = {},
  options: VaultServerOptions & { readonly pathsAllow?: string[]; readonly requestMs?: number } = {},
): Fixture {
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  const server = new VaultServer({ now: () => clock.now(), ...options });
  server.mount(
    "secret",
    engineTypes.kv2({
      shop: [{ password: "old" }, { password: "p&ss", port: 5432, tags: { a: [1] } }],
      "shop/deleted": [null],
      "shop/data/deep": [{ a: "deep" }],
    }),
  );
  server.mount("kv1", engineTypes.kv1({ shop: { user: "me", ttl: "5m" } }));
  const all: Record<string, string> = { VAULT_ADDR: server.url, VAULT_TOKEN: server.rootToken, ...env };
  const settings = readVaultSettings((name) => all[name]);
  if (settings === undefined) throw new Error("no settings");
  const logged: string[] = [];
  const { requestMs, pathsAllow } = options;
  const client = new VaultClient({
    settings,
    // Between attempts nobody waits here.
    clock: {
      now: () => clock.now(),
      sleep: (ms, signal) => ms <= 10_000 ? Promise.resolve() : clock.sleep(ms, signal),
    },
    log: (_level, message, fields) => logged.push(`${message} ${JSON.stringify(fields ?? {})}`),
    ...(requestMs === undefined ? {} : { requestMs }),
  });
  return {
    server,
    client,
    store: createVaultStore({ client, clock, pathsAllow }),
    clock,
    logged,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "nothing";
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.code} ${error.message}`;
  }
};

Deno.test("KV of both versions is read by one path, with or without the data/ of the API", async () => {
  await using at = fixture();
  const { store, server } = at;
  deepEqual(await store.get("secret/shop"), {
    fields: { password: "p&ss", port: "5432", tags: '{"a":[1]}' },
  });
  deepEqual(await store.get("secret/data/shop"), await store.get("secret/shop"));
  deepEqual(await store.get("secret/shop", { version: "1" }), { fields: { password: "old" } });
  deepEqual(await store.get("secret/shop/data/deep"), { fields: { a: "deep" } });
  deepEqual(await store.get("kv1/shop"), { fields: { user: "me", ttl: "5m" } });
  equal(await store.get("secret/shop", { version: "9" }), undefined);
  equal(await store.get("secret/none"), undefined);
  equal(await store.get("kv1/none"), undefined);
  match(await refusal(store.get("kv1/shop", { version: "1" })), /^invalid .*keeps no versions/);
  match(await refusal(store.get("secret/shop/deleted")), /^invalid .*deleted or destroyed/);
  match(await refusal(store.get("nowhere/x")), /^forbidden Vault lets this server have nothing at that path/);
  const mountsAsked = server.requests.filter((request) => request.includes("sys/internal/ui/mounts/secret"));
  equal(mountsAsked.length, 1, "an engine is asked for once");
});

Deno.test("a project gets nothing of Vault's own, and no path but those that the operator allows", async () => {
  await using at = fixture();
  const { store, server } = at;
  server.mount("transit", engineTypes.transit({}));
  server.mount("team/auth/token", engineTypes.kv1({ "lookup-self": { id: "a-token" } }));
  for (
    const path of [
      "auth/token/lookup-self",
      "sys/mounts",
      "identity/entity/id/x",
      "cubbyhole/x",
      "transit/keys/k",
      "team/auth/token/lookup-self",
    ]
  ) {
    match(await refusal(store.get(path)), /^forbidden that is no path of a secret/, path);
  }
  deepEqual(
    server.requests.filter((request) =>
      !request.includes("sys/internal") && !request.includes("lookup-self")
    ),
    [],
  );
  await using narrow = fixture({}, { pathsAllow: ["secret/sho*"] });
  ok(await narrow.store.get("secret/shop"));
  match(await refusal(narrow.store.get("kv1/shop")), /^forbidden its path is not among vault_paths_allow/);
  match(await refusal(narrow.store.get("secret/other/secret/shop")), /^forbidden its path is not among/);
});

Deno.test("AppRole: signs in once, again when the token has ended, and ends the token with the server", async () => {
  const at = fixture({ ...APPROLE, VAULT_TOKEN: "" });
  const { server, store, clock } = at;
  server.allow({ method: "approle", sent: SIGN_IN, rules: READ, ttlMs: 60_000, maxTtlMs: 150_000 });
  const logins = () => server.requests.filter((request) => request === "POST auth/approle/login").length;
  await Promise.all(Array.from({ length: 10 }, () => store.get("secret/shop")));
  equal(logins(), 1);
  // Renewed before it ends, as long as that is possible; then another one.
  await clock.advance(41_000);
  await until(() => server.requests.includes("POST auth/token/renew-self"));
  equal(logins(), 1);
  for (const _ of [1, 2, 3, 4]) {
    await clock.advance(41_000);
    await until(() => server.tokens.length > 0);
    await settle();
  }
  ok(await store.get("secret/shop"));
  ok(logins() >= 2);
  // Somebody has revoked it: the next request signs in, and is answered.
  await clock.advance(6_000);
  for (const token of server.tokens) await server.revokeToken(token);
  ok(await store.get("secret/shop"));
  ok(server.tokens.length > 0);
  await at.client[Symbol.asyncDispose]();
  deepEqual(server.tokens.filter((token) => token === "x"), []);
  ok(server.requests.at(-1)?.endsWith("auth/token/revoke-self"), server.requests.at(-1));
  await server[Symbol.asyncDispose]();
});

Deno.test("a refusal of the policy is one, and no reason to sign in again", async () => {
  await using at = fixture({ ...APPROLE, VAULT_TOKEN: "" });
  const { server, store } = at;
  server.allow({ method: "approle", sent: SIGN_IN, rules: READ });
  match(
    await refusal(store.get("secret/other")),
    /^forbidden Vault does not give the secret \(403\): .*permission denied/,
  );
  equal(server.requests.filter((request) => request === "POST auth/approle/login").length, 1);
});

Deno.test("a wrapped secret id is looked at, unwrapped once and kept", async () => {
  const wrapping = { ...APPROLE, VAULT_TOKEN: "", SLUICE_VAULT_SECRET_ID_WRAPPED: "true" };
  const server = new VaultServer();
  const good = server.wrap("auth/approle/role/sluice/secret-id", { secret_id: "the-secret-id" });
  const planted = server.wrap("secret/data/mine", { secret_id: "the-secret-id" });
  await server[Symbol.asyncDispose]();
  for (
    const [token, path, expected] of [
      [good, "auth/approle/role/sluice/secret-id", ""],
      [planted, "secret/data/mine", "none of a secret id"],
      ["hvs.used-before", undefined, "it was used before"],
    ] as const
  ) {
    await using at = fixture({ ...wrapping, SLUICE_VAULT_SECRET_ID: "set below" });
    const id = path === undefined ? token : at.server.wrap(path, { secret_id: "the-secret-id" });
    at.server.allow({ method: "approle", sent: SIGN_IN, rules: READ, ttlMs: 60_000, maxTtlMs: 60_000 });
    const values: Record<string, string> = {
      VAULT_ADDR: at.server.url,
      ...wrapping,
      SLUICE_VAULT_SECRET_ID: id,
    };
    const settings = readVaultSettings((name) => values[name] || undefined);
    if (settings === undefined) throw new Error("no settings");
    await using client = new VaultClient({ settings, clock: at.clock, log: () => {} });
    const store = createVaultStore({ client, clock: at.clock });
    if (expected !== "") {
      match(await refusal(store.get("secret/shop")), new RegExp(`^unauthorized .*${expected}`));
      continue;
    }
    ok(await store.get("secret/shop"));
    for (const token of at.server.tokens) await at.server.revokeToken(token);
    await at.clock.advance(6_000);
    ok(await store.get("secret/shop"), "signs in again by what was unwrapped");
  }
});

Deno.test("Kubernetes and JWT sign in by the file's token as it is then", async () => {
  const file = await Deno.makeTempFile();
  try {
    for (const method of ["kubernetes", "jwt"] as const) {
      await Deno.writeTextFile(file, "first.jwt.token\n");
      await using at = fixture({
        VAULT_TOKEN: "",
        SLUICE_VAULT_AUTH: method,
        SLUICE_VAULT_ROLE: "sluice",
        SLUICE_VAULT_JWT_FILE: file,
        SLUICE_VAULT_AUTH_PATH: "/clusters/eu/",
      });
      const role = { method, mount: "clusters/eu", rules: READ, ttlMs: 60_000, maxTtlMs: 60_000 };
      at.server.allow({ ...role, sent: { role: "sluice", jwt: "first.jwt.token" } });
      at.server.allow({ ...role, sent: { role: "sluice", jwt: "second.jwt.token" } });
      ok(await at.store.get("secret/shop"));
      await Deno.writeTextFile(file, "second.jwt.token");
      for (const token of at.server.tokens) await at.server.revokeToken(token);
      await at.clock.advance(6_000);
      ok(await at.store.get("secret/shop"));
      await Deno.writeTextFile(file, "wrong");
      for (const token of at.server.tokens) await at.server.revokeToken(token);
      await at.clock.advance(6_000);
      const said = await refusal(at.store.get("secret/shop"));
      match(
        said,
        new RegExp(`^unauthorized Vault does not let this server in by ${method} at auth/clusters/eu`),
      );
      equal(said.includes("jwt.token") || said.includes("wrong"), false, said);
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("an agent's token file is read again where the token is refused", async () => {
  const file = await Deno.makeTempFile();
  try {
    await using at = fixture({ VAULT_TOKEN: "", VAULT_TOKEN_FILE: file });
    const first = at.server.createToken(READ);
    await Deno.writeTextFile(file, first);
    ok(await at.store.get("secret/shop"));
    await at.server.revokeToken(first);
    await Deno.writeTextFile(file, at.server.createToken(READ));
    await at.clock.advance(6_000);
    ok(await at.store.get("secret/shop"));
    await at.client[Symbol.asyncDispose]();
    equal(at.server.tokens.length, 1, "a token that was given is not this server's to end");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("what is busy, failing or starting is asked again, and what is sealed says so", async () => {
  await using at = fixture();
  const { server, store } = at;
  ok(await store.get("secret/shop"));
  server.failures.push(
    { status: 429, headers: { "retry-after": "1" }, body: { errors: ["request path is over its limit"] } },
    { status: 500, body: { errors: ["internal error"] } },
    { status: 412, body: { errors: ["required index state not present"] } },
  );
  ok(await store.get("secret/shop"));
  server.failures.push(...Array.from({ length: 4 }, () => ({ status: 502, body: "<html>" })));
  match(await refusal(store.get("secret/shop")), /^unavailable Vault at 127\.0\.0\.1:\d+ fails with 502$/);
  server.isSealed = true;
  match(await refusal(store.get("secret/shop")), /^unavailable Vault at .* is sealed: unseal it/);
});

Deno.test("a Vault that is not there, or does not answer, is unavailable, and no credentials are asked for twice", async () => {
  await using at = fixture({}, { requestMs: 150 });
  ok(await at.store.get("secret/shop"));
  let asked = 0;
  await using silent = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    await request.body?.cancel();
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 400));
    return new Response();
  });
  const settingsFor = (port: number) => {
    const values: Record<string, string> = { VAULT_ADDR: `http://127.0.0.1:${port}`, VAULT_TOKEN: "t" };
    const settings = readVaultSettings((name) => values[name]);
    if (settings === undefined) throw new Error("no settings");
    return settings;
  };
  await using slow = new VaultClient({
    settings: settingsFor(silent.addr.port),
    clock: systemClock,
    log: () => {},
    requestMs: 150,
  });
  match(
    await refusal(slow.request({ method: "GET", path: "x" })),
    /^timeout Vault at .* did not answer within 0.15 s/,
  );
  equal(asked, 2);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = listener.addr.port;
  listener.close();
  await using gone = new VaultClient({
    settings: settingsFor(closed),
    clock: { now: () => 0, sleep: () => Promise.resolve() },
    log: () => {},
  });
  match(
    await refusal(gone.request({ method: "GET", path: "x" })),
    /^unavailable Cannot reach Vault at 127\.0\.0\.1:\d+: connection refused/,
  );
});

Deno.test("a redirect is followed to the leader that the cluster names, and nowhere else", async () => {
  await using leader = fixture();
  await using at = fixture({ VAULT_TOKEN: leader.server.rootToken });
  at.server.leader = { address: leader.server.url, isStandby: true };
  ok(await at.store.get("secret/shop"));
  await using thief = new VaultServer();
  at.server.leader = undefined;
  at.server.failures.push({ status: 307, headers: { location: `${thief.url}/v1/secret/data/shop` } });
  match(
    await refusal(at.store.get("secret/shop")),
    /^unavailable Vault at .* redirects to 127.*, which is not the leader/,
  );
  deepEqual(thief.requests, []);
});

Deno.test("the namespace goes with every request", async () => {
  await using at = fixture({ VAULT_NAMESPACE: "team-a" }, { namespace: "team-a" });
  ok(await at.store.get("secret/shop"));
  await using wrong = fixture({ VAULT_NAMESPACE: "team-b" }, { namespace: "team-a" });
  equal(await wrong.store.get("secret/shop").then(() => "given", () => "refused"), "refused");
});

Deno.test("transit wraps a key, bound to its context, and opens it again", async () => {
  await using at = fixture();
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  if (!("type" in key)) throw new Error("no key");
  at.server.mount("keys/transit", engineTypes.transit({ sluice: key }));
  const transit = createVaultTransit(at.client, "keys/transit/sluice");
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const wrapped = await transit.wrap(bytes, "data key 1");
  match(wrapped, /^vault:v1:/);
  deepEqual(await transit.unwrap(wrapped, "data key 1"), bytes);
  match(await refusal(transit.unwrap(wrapped, "data key 2")), /^invalid Vault does not decrypt/);
  deepEqual(await transit.unwrap(await transit.rewrap(wrapped, "data key 1"), "data key 1"), bytes);
  const plain = await transit.wrap(bytes);
  deepEqual(await transit.unwrap(await transit.rewrap(plain)), bytes);
  match(
    await refusal(createVaultTransit(at.client, "keys/transit/none").wrap(bytes)),
    /^not_found Vault has no key "none" at keys\/transit/,
  );
  match(
    await refusal(Promise.resolve().then(() => createVaultTransit(at.client, "sluice"))),
    /^invalid "sluice" is no key/,
  );
});

Deno.test("over TLS the certificate has to be of an authority of VAULT_CACERT, and of the address", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-vault-" });
  try {
    const [ours, others] = [
      await TestAuthority.create(folder),
      await TestAuthority.create(folder, "Another Authority"),
    ];
    const tls = await ours.issue({ name: "vault", names: "IP:127.0.0.1" });
    const read = async (env: Record<string, string>, certificate = tls) => {
      await using vault = fixture(env, { tls: certificate });
      return await vault.store.get("kv1/shop");
    };
    deepEqual(await read({ VAULT_CACERT: ours.pair.certPath }), { fields: { user: "me", ttl: "5m" } });
    match(
      await refusal(read({})),
      /its certificate is by nobody who is trusted; name the authority in VAULT_CACERT/,
    );
    match(await refusal(read({ VAULT_CACERT: others.pair.certPath })), /by nobody who is trusted/);
    const elsewhere = await ours.issue({ name: "elsewhere", names: "DNS:vault.example.com" });
    match(
      await refusal(read({ VAULT_CACERT: ours.pair.certPath }, elsewhere)),
      /its certificate is for another name/,
    );
    match(
      await refusal(read({ VAULT_CACERT: `${folder}/none.pem` })),
      /Cannot read the authorities \(VAULT_CACERT\)/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readVaultSettings() says which variable is wrong", async () => {
  const read = (env: Record<string, string>) =>
    refusal(Promise.resolve().then(() => readVaultSettings((name) => env[name])));
  const address = { VAULT_ADDR: "https://vault.example.com:8200" };
  for (
    const [env, expected] of [
      [address, /nothing to sign in with/],
      [{ ...address, SLUICE_VAULT_AUTH: "approle" }, /set SLUICE_VAULT_ROLE_ID/],
      [{ ...address, SLUICE_VAULT_AUTH: "jwt", SLUICE_VAULT_ROLE: "r" }, /set SLUICE_VAULT_JWT_FILE/],
      [{ ...address, SLUICE_VAULT_AUTH: "ldap" }, /expected one of token, approle, kubernetes, jwt/],
      [
        { ...address, VAULT_TOKEN: "t", VAULT_SKIP_VERIFY: "true" },
        /VAULT_SKIP_VERIFY is set: certificates are always verified/,
      ],
      [{ ...address, VAULT_TOKEN: "t", VAULT_CLIENT_CERT: "a" }, /both, or neither/],
      [{ VAULT_ADDR: "vault.example.com", VAULT_TOKEN: "t" }, /VAULT_ADDR is no address/],
      [{ VAULT_ADDR: "https://u:p@vault.example.com", VAULT_TOKEN: "t" }, /VAULT_ADDR is no address/],
      [
        { VAULT_ADDR: "http://vault.example.com:8200", VAULT_TOKEN: "t" },
        /without TLS anybody on the way reads/,
      ],
    ] as const
  ) {
    const said = await read(env);
    match(said, expected);
    equal(said.includes("u:p"), false);
  }
  const allowed = {
    VAULT_ADDR: "http://vault.vault:8200",
    VAULT_TOKEN: "t",
    SLUICE_VAULT_ALLOW_PLAIN: "true",
  };
  equal(
    readVaultSettings((name) => (allowed as Record<string, string>)[name])?.address,
    "http://vault.vault:8200",
  );
  equal(readVaultSettings(() => undefined), undefined);
  await rejects(
    Promise.resolve().then(() =>
      readVaultSettings((name) => ({ BAO_ADDR: "ftp://x", BAO_TOKEN: "t" } as Record<string, string>)[name])
    ),
    /no address/,
  );
});

/** Requests are real: what the clock has set going takes a moment. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 4_000; turn++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("it did not come to be");
}
