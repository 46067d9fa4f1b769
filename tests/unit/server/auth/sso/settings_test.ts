import assert from "node:assert/strict";
import { TestAuthority } from "../../../../support/certificates.ts";
import {
  readProviderCa,
  readSsoSettings,
  readTrustedIssuers,
} from "../../../../../server/auth/sso/settings.ts";
import { createProviderFetch } from "../../../../../server/auth/sso/provider_fetch.ts";
import { importKey } from "../../../../../server/auth/sso/discover.ts";

const THREE = {
  SLUICE_OIDC_ISSUER: "https://id.example.com/realms/data",
  SLUICE_OIDC_CLIENT_ID: "sluice",
  SLUICE_OIDC_CLIENT_SECRET: "s",
};

const source = (variables: Readonly<Record<string, string>>, publicUrl?: string) => ({
  env: (name: string) => variables[name],
  readFile: (path: string) =>
    path === "/run/secret" ? Promise.resolve("from a file\n") : Promise.reject(new Error("no")),
  publicUrl,
});
const read = (variables: Readonly<Record<string, string>>) => readSsoSettings(source(variables));

Deno.test("three variables are enough, and what they leave open is the careful way", async () => {
  const settings = await read(THREE);
  assert.deepEqual(settings?.client, { secret: "s" });
  assert.equal(settings.scope, "openid profile email");
  assert.equal(settings.isOnly, false);
  assert.deepEqual(settings.rules, {
    createUsers: true,
    linkByEmail: false,
    defaultRole: undefined,
    allowedDomains: [],
    groups: undefined,
  });
  assert.equal(await read({}), undefined);
  assert.equal(readTrustedIssuers(source(THREE)), undefined);
});

Deno.test("groups, domains and a secret's file are read as they are written", async () => {
  const settings = await read({
    ...THREE,
    SLUICE_OIDC_CLIENT_SECRET_FILE: "/run/secret",
    SLUICE_OIDC_GROUPS: "okta-data=finance; okta-data = ops;CN=x,OU=y=@admins",
    SLUICE_OIDC_ALLOWED_DOMAINS: "Example.com, example.org",
    SLUICE_OIDC_SCOPES: "profile,groups",
  });
  assert.deepEqual(settings?.client, { secret: "from a file" });
  assert.deepEqual([...settings.rules.groups ?? []], [["okta-data", ["finance", "ops"]], ["CN=x,OU=y", [
    "admins",
  ]]]);
  assert.deepEqual(settings.rules.allowedDomains, ["example.com", "example.org"]);
  assert.equal(settings.scope, "openid profile groups");
});

Deno.test("settings that do not fit name their variable", async () => {
  const cases: Record<string, Record<string, string>> = {
    SLUICE_OIDC_ISSUER: { ...THREE, SLUICE_OIDC_ISSUER: "http://id.example.com" },
    SLUICE_OIDC_CLIENT_ID: { ...THREE, SLUICE_OIDC_CLIENT_ID: " " },
    SLUICE_OIDC_CLIENT_SECRET: { ...THREE, SLUICE_OIDC_CLIENT_SECRET: "" },
    SLUICE_OIDC_CLIENT_SECRET_FILE: { ...THREE, SLUICE_OIDC_CLIENT_SECRET_FILE: "/not/there" },
    SLUICE_OIDC_ALLOWED_DOMAINS: { ...THREE, SLUICE_OIDC_ISSUER: "https://accounts.google.com" },
    "no tenant": { ...THREE, SLUICE_OIDC_ISSUER: "https://login.microsoftonline.com/common/v2.0" },
    SLUICE_OIDC_GROUPS: { ...THREE, SLUICE_OIDC_GROUPS: "finance" },
    SLUICE_OIDC_CREATE_USERS: { ...THREE, SLUICE_OIDC_CREATE_USERS: "perhaps" },
    SLUICE_OIDC_ONLY: { SLUICE_OIDC_ONLY: "1" },
  };
  for (const [words, variables] of Object.entries(cases)) {
    await assert.rejects(read(variables), (error: Error) => error.message.includes(words), words);
  }
  assert.throws(
    () => readTrustedIssuers(source({ SLUICE_OIDC_TRUSTED_ISSUERS: "https://x.org" })),
    /AUDIENCE/,
  );
  assert.throws(() => readTrustedIssuers(source({ SLUICE_OIDC_AUDIENCE: "x" })), /SLUICE_OIDC_ISSUER/);
  const trusted = readTrustedIssuers(
    source({ ...THREE, SLUICE_OIDC_TRUSTED_ISSUERS: "https://x.org" }, "https://sluice.example.com"),
  );
  // The provider of the sign-in is trusted for the API only where an audience is named.
  assert.deepEqual(trusted?.issuers.map(({ href }) => href), ["https://x.org/"]);
  assert.deepEqual(trusted?.audiences, ["https://sluice.example.com"]);
});

Deno.test("a provider in the internet is asked for nothing at a private address or without TLS", async () => {
  const addresses: Record<string, string[]> = {
    "id.example.com": ["93.184.216.34"],
    "keys.example.com": ["10.0.0.7"],
    "id.corp.example": ["10.0.0.5"],
  };
  const ask = (issuer: string, url: string) =>
    createProviderFetch({
      issuer: new URL(issuer),
      timeoutMs: 1,
      resolve: (name) => Promise.resolve(addresses[name] ?? [name]),
    })(url, { method: "GET", headers: {} });
  for (
    const [issuer, url, words] of [
      ["https://id.example.com", "http://id.example.com/keys", "not https"],
      ["https://id.example.com", "https://keys.example.com/keys", "private network"],
      ["https://id.example.com", "https://169.254.169.254/latest", "link-local"],
      ["https://id.example.com", "https://[::1]/keys", "this machine"],
      ["https://id.example.com", "http://127.0.0.1:8080/keys", "not https"],
      ["http://127.0.0.1:1", "http://id.example.com/keys", "not https"],
    ] as const
  ) {
    await assert.rejects(ask(issuer, url), (error: Error) => error.message.includes(words), url);
  }
});

Deno.test({
  name: "a provider's certificate may be of an authority that the operator names, and of no other",
  // The client with that authority lives as long as the server.
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    const authority = await TestAuthority.create(folder);
    const { cert, key } = await authority.issue({ name: "localhost" });
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} },
      () => new Response("ok"),
    );
    const issuer = new URL(`https://localhost:${server.addr.port}`);
    const ask = (ca?: string) =>
      createProviderFetch({ issuer, ca })(issuer.href, { method: "GET", headers: {} });
    const trusted = await ask(
      await readProviderCa({
        ...source({ SLUICE_OIDC_CA_FILE: authority.pair.certPath }),
        readFile: Deno.readTextFile,
      }),
    );
    assert.equal(await trusted.text(), "ok");
    await assert.rejects(ask(), /cannot be reached/);
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("a provider that does not answer is waited for so long and no longer", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(new ReadableStream({ start: (out) => out.enqueue(new Uint8Array(10)) })),
  );
  const issuer = new URL(`http://127.0.0.1:${server.addr.port}`);
  const ask = createProviderFetch({ issuer, timeoutMs: 50 });
  await assert.rejects(ask(issuer.href, { method: "GET", headers: {} }), /does not answer within 0.05 s/);
});

Deno.test("a client's key may be PEM or a JWK, and a public one is refused", async () => {
  const { exportJWK, exportPKCS8, generateKeyPair } = await import("jose");
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  assert.equal((await importKey(await exportPKCS8(privateKey))).key.type, "private");
  const jwk = await importKey(JSON.stringify({ ...await exportJWK(privateKey), kid: "k1" }));
  assert.deepEqual([jwk.key.type, jwk.kid], ["private", "k1"]);
  for (const text of [JSON.stringify(await exportJWK(publicKey)), "no key", "{}", ""]) {
    await assert.rejects(importKey(text), /SLUICE_OIDC_CLIENT_KEY_FILE/);
  }
});
