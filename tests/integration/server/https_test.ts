import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { listen, type Listener, type ListenOptions } from "../../../server/http/listen.ts";
import { readServerCertificate } from "../../../server/http/tls/certificate.ts";
import { TestAuthority } from "../../support/certificates.ts";
import { sluiceArgs, TOKEN, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** HTTPS by the server itself; what holds for plain HTTP too is in wire_test.ts. */

const folder = await Deno.makeTempDir({ prefix: "sluice-https-" });
const authority = await TestAuthority.create(folder);
const first = await authority.issue({ name: "localhost" });
const second = await authority.issue({ name: "renewed", names: "DNS:localhost" });
const client = await authority.issue({ name: "client" });
const stranger = await (await TestAuthority.create(folder, "Stranger")).issue({ name: "stranger" });
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

async function withListener(
  options: Partial<Omit<ListenOptions, "tls">> & { readonly tls?: Partial<ListenOptions["tls"]> },
  work: (listener: Listener, asked: Promise<void>) => Promise<void>,
): Promise<void> {
  const asked = Promise.withResolvers<void>();
  const app = new Hono<AppEnv>();
  app.get("/", (c) => c.text(c.req.url));
  app.get("/wait", async (c) => {
    asked.resolve();
    await new Promise<void>((resolve) => c.env.signal?.addEventListener("abort", () => resolve()));
    return c.text("over");
  });
  const { tls, ...plain } = options;
  const certificate = await readServerCertificate(first);
  const listener = await listen(app, {
    host: "127.0.0.1",
    port: 0,
    ...plain,
    tls: { certificate, minVersion: "1.2", ...tls },
  });
  try {
    await work(listener, asked.promise);
  } finally {
    await listener.shutdown(5_000);
  }
}

async function ask(
  port: number,
  options: Deno.CreateHttpClientOptions | Deno.CreateHttpClientOptions & Deno.TlsCertifiedKeyPem = {},
): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [authority.cert], ...options });
  // The compiler that editors use knows no `client`.
  const init: RequestInit & { readonly client: Deno.HttpClient } = { client };
  return await (await fetch(`https://localhost:${port}/`, init)).text();
}

/** What openssl's client says of the connection; undefined where it came to none. */
async function handshake(port: number, ...args: string[]): Promise<string | undefined> {
  const { stdout, success } = await new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", authority.pair.certPath, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : undefined;
}

Deno.test("TLS 1.2 and 1.3 are spoken and nothing older, or 1.3 alone; HTTP/1.1 is what is agreed on", async () => {
  await withListener({}, async ({ port }) => {
    match(await handshake(port, "-tls1_3", "-alpn", "h2,http/1.1") ?? "", /ALPN protocol: http\/1\.1/);
    match(await handshake(port, "-tls1_2") ?? "", /Cipher is ECDHE-ECDSA-(?:AES\d+-GCM|CHACHA20)/);
    equal(await handshake(port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), undefined);
  });
  await withListener({ tls: { minVersion: "1.3" } }, async ({ port }) => {
    ok(await handshake(port, "-tls1_3"));
    equal(await handshake(port, "-tls1_2"), undefined);
  });
});

Deno.test("plain HTTP at the port is told to use https, and garbage is cut off", async () => {
  await withListener({}, async ({ port }) => {
    const response = await fetch(`http://localhost:${port}/`);
    equal(response.status, 400);
    match(await response.text(), /use https:\/\//);
    for (const bytes of [[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], [0x16, 0xff, 0xff, 0xff, 0xff, 0xff]]) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(new Uint8Array(bytes));
      await readToEnd(connection);
    }
    equal(await ask(port), `https://localhost:${port}/`);
  });
});

Deno.test("a handshake that never ends counts as a connection and is cut off", async () => {
  await withListener({ limits: { headersMs: 100, connections: 2 } }, async ({ port }) => {
    for (const bytes of [[], [0x16, 3, 1, 2, 0, 1]]) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      if (bytes.length > 0) await connection.write(new Uint8Array(bytes));
      await readToEnd(connection);
    }
  });
  await withListener({ limits: { connections: 2 } }, async ({ port }) => {
    const idle = [];
    for (let count = 0; count < 6; count++) {
      idle.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      await idle[count]?.write(new Uint8Array([0x16, 3, 1, 2, 0, 1]));
    }
    // Room is made for it among those that do nothing.
    equal(await ask(port), `https://localhost:${port}/`);
    for (const connection of idle) connection.close();
  });
});

Deno.test("a connection that makes room is closed, TLS and all, and one that is served is not", async () => {
  await withListener({ limits: { connections: 1, connectionsPerAddress: 1 } }, async ({ port }, asked) => {
    const secure = () => Deno.connectTls({ hostname: "localhost", port, caCerts: [authority.cert] });
    using idle = await secure();
    await idle.handshake();
    equal(await ask(port), `https://localhost:${port}/`);
    await readToEnd(idle);
    using served = await secure();
    await served.write(new TextEncoder().encode("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await asked;
    await rejects(ask(port));
  });
});

Deno.test("another certificate is for new connections; those that stand go on", async () => {
  await withListener({}, async ({ port, useCertificate }) => {
    using old = await Deno.connectTls({ hostname: "localhost", port, caCerts: [authority.cert] });
    await old.handshake();
    useCertificate(await readServerCertificate(second));
    match(await handshake(port) ?? "", /subject=CN = renewed/);
    await old.write(
      new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    );
    match(await readToEnd(old), /^HTTP\/1\.1 200 /);
  });
});

Deno.test("with authorities for clients nobody is heard without a certificate of theirs", async () => {
  await withListener({ tls: { clientAuthorities: authority.cert } }, async ({ port }) => {
    equal(await ask(port, { cert: client.cert, key: client.key }), `https://localhost:${port}/`);
    await rejects(ask(port));
    await rejects(ask(port, { cert: stranger.cert, key: stranger.key }));
  });
});

async function readToEnd(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16_384);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

Deno.test("a server with a certificate is reached by commands at its socket, and by nobody in the clear", async () => {
  await using project = await TestProject.create({ "connectors.yaml": "{}\n" });
  const [certPath, keyPath] = [join(folder, "live.crt"), join(folder, "live.key")];
  await Deno.copyFile(first.certPath, certPath);
  await Deno.copyFile(first.keyPath, keyPath);
  // As a hard end of an earlier server leaves it.
  await Deno.mkdir(project.dataDir, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(join(project.dataDir, "lock"), "");
  await Deno.writeTextFile(join(project.dataDir, "server.sock"), "");
  const place = ["--project", project.projectDir, "--data", project.dataDir];
  const child = new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(
      "serve",
      ...place,
      "--port",
      "0",
      "--tls-cert",
      certPath,
      "--tls-key",
      keyPath,
      "--tls-client-ca",
      authority.pair.certPath,
    ),
    env: { SLUICE_TOKEN: TOKEN, SLUICE_DRAIN: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    .then((parts) => parts.join("\n"));
  try {
    const announced = await waitFor(async () => {
      const text = await Deno.readTextFile(join(project.dataDir, "server.json")).catch(() => undefined);
      return text === undefined ? undefined : JSON.parse(text);
    }, 30_000);
    ok(announced, "it came up");
    match(announced.url, /^https:\/\/localhost:\d+$/);
    equal(announced.socket, join(project.dataDir, "server.sock"));
    equal((await Deno.stat(announced.socket)).mode! & 0o777, 0o600);
    const command = await new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("users", "list", "--json", ...place),
      stdout: "piped",
      stderr: "piped",
    }).output();
    equal(command.code, 0, new TextDecoder().decode(command.stderr));
    match(new TextDecoder().decode(command.stdout), /SLUICE_TOKEN/);

    using http = Deno.createHttpClient({ caCerts: [authority.cert], cert: client.cert, key: client.key });
    using other = Deno.createHttpClient({ caCerts: [authority.cert], cert: second.cert, key: second.key });
    const send = (path: string, more: RequestInit = {}, by = http) => {
      const init: RequestInit & { readonly client: Deno.HttpClient } = { ...more, client: by };
      return fetch(announced.url + path, { redirect: "manual", ...init });
    };
    const signedIn = await send("/login", {
      method: "POST",
      body: new URLSearchParams({ token: TOKEN }),
      headers: { origin: announced.url },
    });
    equal(signedIn.status, 303);
    await signedIn.body?.cancel();
    match(signedIn.headers.get("set-cookie") ?? "", /^__Host-sluice_session=.*; Secure; SameSite=Lax/);
    equal(signedIn.headers.get("strict-transport-security"), "max-age=31536000");
    const metrics = await (await send("/metrics", { headers: { authorization: `Bearer ${TOKEN}` } })).text();
    const expires = (await readServerCertificate(first)).expiresAtMs / 1_000;
    match(metrics, new RegExp(`^sluice_tls_certificate_expiry_timestamp_seconds ${expires}$`, "m"));
    const foreign = await send("/login", { method: "POST", headers: { origin: "https://evil.example" } });
    equal(foreign.status, 403);
    await foreign.body?.cancel();

    // A certificate that is linked to a service is that service for the API, and for nothing else.
    const status = async (path: string, more: RequestInit = {}, by = http) => {
      const response = await send(path, more, by);
      await response.body?.cancel();
      return response.status;
    };
    const change = (method: string, path: string, json: unknown) =>
      status(path, {
        method,
        body: JSON.stringify(json),
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      });
    equal(await status("/api/runs"), 401);
    equal(await change("POST", "/api/users", { name: "robot", kind: "service", role: "operator" }), 201);
    const fingerprint = new X509Certificate(client.cert).fingerprint256;
    const linked = await new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("users", "link", "robot", "--certificate", fingerprint, ...place),
      stdout: "piped",
      stderr: "piped",
    }).output();
    match(new TextDecoder().decode(linked.stdout), /^Whoever shows the certificate [0-9a-f]{64} is robot/);
    equal(await status("/api/runs"), 200);
    const links = await send("/api/users/robot/identities", {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const [link] = await links.json();
    deepEqual([link.issuer, link.last_used_at !== null], ["certificate:sha256", true]);
    const nobody = { headers: { authorization: "Bearer slc_nobody" } };
    deepEqual(
      [
        await status("/api/users"),
        await status("/api/runs", {}, other),
        await status("/api/runs", nobody),
        await status("/runs"),
        await change("PATCH", "/api/users/robot", { disabled: true }),
        await status("/api/runs"),
      ],
      [403, 401, 401, 303, 200, 401],
    );
  } finally {
    child.kill("SIGTERM");
  }
  const { code } = await child.status;
  const text = await output;
  deepEqual([code, /Uncaught|unhandled/i.test(text)], [0, false], text);
  match(text, /The server speaks HTTPS names=localhost/);
});
