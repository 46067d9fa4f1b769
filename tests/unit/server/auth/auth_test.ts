import assert from "node:assert/strict";
import { RUN_IDS } from "../../../support/fake_project.ts";
import { settle } from "../../../support/fake_clock.ts";
import { ApiFixture } from "../http/api_fixture.ts";

const SESSION_MS = 12 * 3_600_000;

/** The status alone; the body is let go. */
async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

/** Waits until an attempt stands in line. */
async function untilSlowed(api: ApiFixture): Promise<void> {
  while (api.clock.sleepers === 0) await settle();
}

Deno.test("a bearer token is known whatever the case of its scheme, and nothing like it is", async () => {
  await using api = await ApiFixture.create();
  const ask = (authorization: string) => statusOf(api.ask("/api/runs", { headers: { authorization } }));
  const token = api.tokens.viewer;
  assert.equal(await ask(`Bearer ${token}`), 200);
  assert.equal(await ask(`bearer  ${token} `), 200);
  for (
    const wrong of ["", "Bearer", "Bearer ", `Basic ${token}`, token, `Bearer ${token}x`, `Bearer ${token} x`]
  ) {
    assert.equal(await ask(wrong), 401, wrong);
  }
  assert.equal(await ask(`Bearer ${token.toLowerCase()}`), 401);
  assert.equal(await ask(`Bearer ${"x".repeat(100_000)}`), 401);
});

Deno.test("a revoked token and its sessions end at once", async () => {
  await using api = await ApiFixture.create();
  const cookie = await api.signIn("viewer");
  const tokens = await (await api.ask("/api/tokens", { as: "admin" })).json();
  const { id } = tokens.find((token: { role: string }) => token.role === "viewer");
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { cookie } })), 200);
  assert.equal(await statusOf(api.ask(`/api/tokens/${id}`, { method: "DELETE", as: "admin" })), 204);
  assert.equal(await statusOf(api.ask("/api/runs", { as: "viewer" })), 401);
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { cookie } })), 401);
});

Deno.test("a token is shown when it is made and never again", async () => {
  await using api = await ApiFixture.create();
  const made = await (await api.ask("/api/tokens", {
    method: "POST",
    as: "admin",
    json: { name: "ci", role: "viewer" },
  })).json();
  assert.match(made.token, /^slc_/);
  const listed = await (await api.ask("/api/tokens", { as: "admin" })).text();
  assert.ok(listed.includes(made.id));
  assert.ok(!listed.includes("slc_"));
  const used = await api.ask("/api/runs", { headers: { authorization: `Bearer ${made.token}` } });
  assert.equal(used.status, 200);
  await used.body?.cancel();
});

Deno.test("signing in gives a cookie that scripts cannot read, and the page knows the user by it", async () => {
  await using api = await ApiFixture.create();
  const response = await api.ask("/login", { method: "POST", body: api.tokens.operator });
  assert.equal(await response.text(), "the operator");
  const set = response.headers.get("set-cookie") ?? "";
  assert.match(set, /^sluice_session=[A-Za-z0-9_-]{43}; /);
  for (const part of ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"]) {
    assert.ok(set.includes(part), set);
  }
  assert.ok(!set.includes("Secure"));
  assert.ok(!set.includes(api.tokens.operator.slice(4)), "the cookie is not the token");
  const cookie = set.split(";")[0] ?? "";
  assert.equal(await (await api.ask("/", { headers: { cookie } })).text(), "the operator");
  assert.equal(await (await api.ask("/", { headers: { cookie: `${cookie}x` } })).text(), "nobody");
});

Deno.test("a session that is not used for two hours ends", async () => {
  await using api = await ApiFixture.create();
  const cookie = await api.signIn("viewer");
  const status = () => statusOf(api.ask("/api/runs", { headers: { cookie } }));
  for (let hours = 0; hours < 8; hours++) {
    await api.clock.advance(3_600_000);
    assert.equal(await status(), 200, `after ${hours} hours`);
  }
  await api.clock.advance(2 * 3_600_000 - 1);
  assert.equal(await status(), 200);
  await api.clock.advance(2 * 3_600_000);
  assert.equal(await status(), 401);
});

Deno.test("signing in gives another session, and the one that the browser had ends", async () => {
  await using api = await ApiFixture.create();
  const before = await api.signIn("viewer");
  const after = await api.signIn("viewer", { cookie: before, origin: "http://localhost" });
  assert.notEqual(after, before);
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { cookie: before } })), 401);
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { cookie: after } })), 200);
});

Deno.test("a session ends after 12 hours, and when it is signed out", async () => {
  await using api = await ApiFixture.create();
  const cookies = [await api.signIn("viewer"), await api.signIn("viewer")];
  const statuses = () =>
    Promise.all(cookies.map((cookie) => statusOf(api.ask("/api/runs", { headers: { cookie } }))));
  assert.deepEqual(await statuses(), [200, 200]);
  const out = await api.ask("/logout", {
    method: "POST",
    headers: { cookie: cookies[0] ?? "", origin: "http://localhost" },
  });
  assert.match(out.headers.get("set-cookie") ?? "", /^sluice_session=; .*Max-Age=0/);
  assert.equal(await out.text(), "bye");
  assert.deepEqual(await statuses(), [401, 200]);
  for (let hours = 1; hours < 12; hours++) {
    await api.clock.advance(3_600_000);
    assert.deepEqual(await statuses(), [401, 200]);
  }
  await api.clock.advance(SESSION_MS - 11 * 3_600_000);
  assert.deepEqual(await statuses(), [401, 401]);
});

Deno.test("behind a trusted proxy with https the cookie is for https and this host alone", async () => {
  await using api = await ApiFixture.create({ trustProxy: true });
  const headers = { "x-forwarded-proto": "http, https" };
  const response = await api.ask("/login", { method: "POST", body: api.tokens.viewer, headers });
  await response.body?.cancel();
  const set = response.headers.get("set-cookie") ?? "";
  assert.match(set, /^__Host-sluice_session=/);
  assert.ok(set.includes("Secure"));
  const cookie = set.split(";")[0] ?? "";
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { ...headers, cookie } })), 200);
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { cookie } })), 401);
});

Deno.test("forwarded headers count for nothing without a trusted proxy", async () => {
  await using api = await ApiFixture.create();
  const response = await api.ask("/login", {
    method: "POST",
    body: api.tokens.viewer,
    headers: { "x-forwarded-proto": "https" },
  });
  await response.body?.cancel();
  assert.ok(!response.headers.get("set-cookie")?.includes("Secure"));
});

Deno.test("a wrong token beside a good cookie is refused", async () => {
  await using api = await ApiFixture.create();
  const cookie = await api.signIn("admin");
  assert.equal(await statusOf(api.ask("/api/runs", { headers: { cookie, authorization: "Bearer x" } })), 401);
});

Deno.test("an address that sends ten unknown tokens is slowed down, and known ones are let in all the same", async () => {
  await using api = await ApiFixture.create();
  const signIn = (body: string, from: string, headers = {}) =>
    api.ask("/login", { method: "POST", body, from, headers });
  const bearer = (token: string, from: string) =>
    api.ask("/api/runs", { from, headers: { authorization: `Bearer ${token}` } });
  for (let n = 0; n < 10; n++) {
    // What a client says of itself does not give it another address.
    const headers = { "x-forwarded-for": `198.51.100.${n}` };
    const asked = n % 2 === 0
      ? signIn(`slc_wrong_${n}`, "192.0.2.1", headers)
      : bearer(`slc_wrong_${n}`, "192.0.2.1");
    assert.equal(await statusOf(asked), 401);
  }
  const late = bearer("slc_wrong", "192.0.2.1");
  await untilSlowed(api);
  await api.clock.advance(1_000);
  const refused = await late;
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "300");
  const problem = await refused.json();
  assert.deepEqual([problem.code, problem.reason], ["unavailable", "too_many_attempts"]);
  const slow = signIn(api.tokens.admin, "192.0.2.1");
  await untilSlowed(api);
  await api.clock.advance(50);
  assert.equal(await statusOf(slow), 200, "a known token gets in");
  assert.equal(await statusOf(bearer(api.tokens.admin, "192.0.2.1")), 200, "at once when it has before");
  assert.equal(await statusOf(signIn(api.tokens.viewer, "192.0.2.2")), 200);
  assert.equal(api.logged.length, 2, "the first failure, and the limit");
});

Deno.test("a token over plain HTTP from another machine is warned of, once an hour", async () => {
  await using api = await ApiFixture.create({ allowsPlainHttp: false });
  const use = (from: string) => statusOf(api.ask("/api/runs", { as: "viewer", from }));
  assert.equal(await use("127.0.0.1"), 200);
  assert.deepEqual(api.logged, []);
  assert.equal(await use("192.0.2.1"), 200);
  assert.equal(await use("192.0.2.1"), 200);
  assert.equal(api.logged.length, 1);
  assert.match(JSON.stringify(api.logged), /A token has come over plain HTTP from another machine/);
  await api.clock.advance(3_600_000);
  assert.equal(await use("192.0.2.1"), 200);
  assert.equal(api.logged.length, 2);
});

Deno.test("a thousand parallel requests with unknown tokens are refused but for ten", async () => {
  await using api = await ApiFixture.create();
  const asked = Promise.all(Array.from(
    { length: 1_000 },
    (_, n) => statusOf(api.ask("/api/runs", { headers: { authorization: `Bearer slc_${n}` } })),
  ));
  while (await Promise.race([asked.then(() => false), api.clock.advance(50).then(() => true)]));
  const statuses = await asked;
  assert.equal(statuses.filter((status) => status === 401).length, 10);
  assert.equal(statuses.filter((status) => status === 429).length, 990);
  assert.equal(api.logged.length, 2);
});

Deno.test("behind a trusted proxy the limit counts the address that the proxy tells", async () => {
  await using api = await ApiFixture.create({ trustProxy: true });
  const signIn = (client: string) =>
    statusOf(
      api.ask("/login", {
        method: "POST",
        body: "wrong",
        headers: { "x-forwarded-for": `10.9.9.9, ${client}` },
      }),
    );
  for (let n = 0; n < 10; n++) await signIn("192.0.2.7");
  const late = signIn("192.0.2.7");
  await untilSlowed(api);
  await api.clock.advance(50);
  assert.equal(await late, 429);
  assert.equal(await signIn("192.0.2.8"), 401);
});

Deno.test("another site's page changes nothing with the user's cookie", async () => {
  await using api = await ApiFixture.create();
  const cookie = await api.signIn("admin");
  const cancel = (headers: Record<string, string>) =>
    statusOf(
      api.ask(`/api/runs/${RUN_IDS.succeeded}/cancel`, { method: "POST", headers: { cookie, ...headers } }),
    );
  for (
    const headers of [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site", origin: "http://localhost" },
      { origin: "https://evil.example" },
      { origin: "http://localhost:1234" },
      { origin: "null" },
      { origin: "" },
      {},
    ]
  ) {
    assert.equal(await cancel(headers), 403, JSON.stringify(headers));
  }
  // 409: it got through to the run, which has ended.
  for (
    const headers of [{ "sec-fetch-site": "same-origin" }, { origin: "http://localhost" }, {
      origin: "https://localhost",
    }]
  ) {
    assert.equal(await cancel(headers), 409, JSON.stringify(headers));
  }
  assert.equal(
    await statusOf(api.ask("/api/runs", { headers: { cookie, "sec-fetch-site": "cross-site" } })),
    200,
  );
});

Deno.test("the cookie is guarded whatever stands in Authorization", async () => {
  await using api = await ApiFixture.create();
  const cookie = await api.signIn("admin");
  const out = (headers: Record<string, string>) =>
    statusOf(api.ask("/logout", { method: "POST", headers: { cookie, ...headers } }));
  for (
    const authorization of ["Basic dXNlcjpwYXNz", `Bearer ${api.tokens.admin}`, "Bearer x", "Negotiate x", ""]
  ) {
    assert.equal(await out({ authorization, "sec-fetch-site": "cross-site" }), 403, authorization);
    assert.equal(await out({ authorization, origin: "https://evil.example" }), 403, authorization);
  }
  const cancel = (headers: Record<string, string>) =>
    statusOf(
      api.ask(`/api/runs/${RUN_IDS.succeeded}/cancel`, { method: "POST", headers: { cookie, ...headers } }),
    );
  const basic = { authorization: "Basic dXNlcjpwYXNz" };
  assert.equal(await cancel({ ...basic, "sec-fetch-site": "cross-site" }), 403);
  assert.equal(
    await cancel({ ...basic, "sec-fetch-site": "same-origin" }),
    409,
    "the cookie behind a proxy's Basic",
  );
});

Deno.test("another site's page can sign nobody in", async () => {
  await using api = await ApiFixture.create();
  const headers = { origin: "https://evil.example" };
  const response = await api.ask("/login", { method: "POST", body: api.tokens.viewer, headers });
  await response.body?.cancel();
  assert.deepEqual([response.status, response.headers.get("set-cookie")], [403, null]);
});

Deno.test("a server with names of its own answers to them, to localhost and to addresses", async () => {
  await using api = await ApiFixture.create({ allowedHosts: ["Sluice.example"] });
  const ask = (host: string) => statusOf(api.ask("/api/runs", { as: "viewer", headers: { host } }));
  for (
    const host of [
      "sluice.example",
      "SLUICE.example:8080",
      "localhost:8080",
      "x.localhost",
      "127.0.0.1:8080",
      "[::1]:8080",
      "192.0.2.1",
    ]
  ) {
    assert.equal(await ask(host), 200, host);
  }
  for (
    const host of ["evil.example", "sluice.example.evil.com", "localhost.evil.com", "127.0.0.1.evil.com"]
  ) {
    assert.equal(await ask(host), 421, host);
  }
});

Deno.test("the last use of a token is noted at most once a minute", async () => {
  await using api = await ApiFixture.create();
  const lastUsed = async () =>
    (await api.store.access.listTokens()).find(({ name }) => name === "the viewer")?.lastUsedAtMs;
  const use = () => statusOf(api.ask("/api/runs", { as: "viewer" }));
  const startMs = api.clock.now();
  assert.equal(await lastUsed(), null);
  await use();
  await api.clock.advance(60_000);
  await use();
  assert.equal(await lastUsed(), startMs);
  await api.clock.advance(1);
  await use();
  assert.equal(await lastUsed(), startMs + 60_001);
});

Deno.test("no token or session is ever logged", async () => {
  await using api = await ApiFixture.create({
    engine: { listRuns: () => Promise.reject(new Error("broken")) },
  });
  const cookie = await api.signIn("admin");
  await statusOf(api.ask("/login", { method: "POST", body: "slc_wrong_token" }));
  await statusOf(api.ask("/api/runs", { as: "admin" }));
  await statusOf(api.ask("/api/runs", { headers: { cookie } }));
  assert.equal(api.logged.length, 3);
  const text = api.logged.join("\n");
  for (const secret of [...Object.values(api.tokens), cookie.split("=")[1] ?? "", "slc_wrong_token"]) {
    assert.ok(!text.includes(secret));
  }
});

Deno.test("an open event stream ends with its token, its session and what is granted", async () => {
  await using api = await ApiFixture.create();
  const open = async (headers: Record<string, string>) => {
    const response = await api.ask(`/api/runs/${RUN_IDS.running}/events?after=1000`, { headers });
    const reader = response.body?.getReader();
    const text = new TextDecoder();
    const read = async () => text.decode((await reader?.read())?.value);
    assert.equal(await read(), ": connected\n\n");
    return async () => {
      const next = read();
      await settle();
      await api.clock.advance(15_000);
      return await next;
    };
  };
  const cookie = await api.signIn("operator");
  await api.people.users.create({ name: "mia", role: "viewer" }, "test");
  const { token } = await api.people.tokens.create({ name: "laptop", user: "mia" }, "test");
  const ends: [Record<string, string>, () => Promise<unknown>][] = [
    [{ authorization: `Bearer ${token}` }, () => api.people.grants.remove("mia", { role: "viewer" })],
    [{ cookie }, async () => {
      for (const { id } of await api.people.sessions.list()) await api.people.sessions.end(id);
    }],
    [{ authorization: `Bearer ${api.tokens.engineer}` }, async () => {
      for (const { id, name } of await api.people.tokens.list()) {
        if (name === "the engineer") await api.people.tokens.revoke(id);
      }
    }],
  ];
  for (const [headers, end] of ends) {
    const beat = await open(headers);
    assert.equal(await beat(), ": \n\n");
    await end();
    assert.equal(await beat(), "");
    assert.equal(api.engine.watchers(RUN_IDS.running), 0);
  }
});
