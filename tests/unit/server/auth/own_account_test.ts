import assert from "node:assert/strict";
import { ApiFixture, type Asked } from "../http/api_fixture.ts";

const PASSWORD = "violet tractor umbrella";

/** Mia, by a session that she has begun with her password. */
async function withMia(
  work: (
    api: ApiFixture,
    ask: (
      method: string,
      path: string,
      json?: unknown,
      more?: Asked,
    ) => Promise<{ status: number; body: string }>,
  ) => Promise<void>,
): Promise<void> {
  await using api = await ApiFixture.create();
  await api.people.users.create(
    { name: "mia", role: "operator", password: PASSWORD, must_change: false },
    "test",
  );
  const cookie = await sessionOf(api);
  await work(api, async (method, path, json, more = {}) => {
    const headers = { cookie, "sec-fetch-site": "same-origin", ...more.headers };
    const response = await api.ask(path, { method, headers, ...(json === undefined ? {} : { json }) });
    return { status: response.status, body: await response.text() };
  });
}

async function sessionOf(api: ApiFixture, name = "mia"): Promise<string> {
  const response = await api.ask("/password-login", { method: "POST", json: { name, password: PASSWORD } });
  await response.body?.cancel();
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

Deno.test("a person makes, rotates and revokes tokens that may no more than the person", () =>
  withMia(async (api, ask) => {
    const made = await ask("POST", "/api/account/tokens", {
      name: "laptop",
      expires_in: "30d",
      scopes: { permissions: ["pipeline:view"], pipelines: ["flights"] },
    });
    assert.equal(made.status, 201, made.body);
    const { id, token, user } = JSON.parse(made.body);
    assert.equal(user, "mia");
    assert.equal(await statusOf(api.ask("/api/pipelines/flights", bearer(token))), 200);
    assert.equal(await statusOf(api.ask("/api/pipelines/orders", bearer(token))), 404);
    const more = await ask("POST", "/api/account/tokens", {
      name: "more",
      scopes: { permissions: ["people:manage"] },
    });
    assert.equal(more.status, 403);
    const rotated = await ask("POST", `/api/account/tokens/${id}/rotate`, {});
    const next = JSON.parse(rotated.body);
    assert.deepEqual([next.id, next.name, next.expires_at], [id, "laptop", JSON.parse(made.body).expires_at]);
    assert.equal(await statusOf(api.ask("/api/pipelines/flights", bearer(token))), 401);
    assert.equal(await statusOf(api.ask("/api/pipelines/flights", bearer(next.token))), 200);
    assert.equal((await ask("DELETE", `/api/account/tokens/${id}`)).status, 204);
    assert.equal(await statusOf(api.ask("/api/pipelines/flights", bearer(next.token))), 401);
    assert.deepEqual(
      api.audited.slice(-3).map(({ action, actor, target }) => [action, actor.name, target?.name]),
      [["token.create", "mia", "laptop"], ["token.rotate", "mia", "laptop"], [
        "token.revoke",
        "mia",
        "laptop",
      ]],
    );
    assert.ok(!JSON.stringify(api.audited).includes("slc_"));
  }));

Deno.test("nobody makes tokens without end", () =>
  withMia(async (api, ask) => {
    for (let n = 1; n <= 99; n++) await api.people.tokens.create({ name: `t${n}`, user: "mia" }, "test");
    assert.equal((await ask("POST", "/api/account/tokens", { name: "last" })).status, 201);
    const { status, body } = await ask("POST", "/api/account/tokens", { name: "more" });
    assert.equal(status, 409, body);
    assert.match(body, /too_many_tokens/);
  }));

Deno.test("the former text of a rotated token is good for the overlap, and not a moment longer", async () => {
  await using api = await ApiFixture.create();
  const { id, token } = await api.people.tokens.create(
    { name: "ci", role: "viewer", expires_in: "90d" },
    "test",
  );
  await api.clock.advance(86_400_000);
  const rotate = (overlap?: string) => api.people.tokens.rotate(id, overlap === undefined ? {} : { overlap });
  const next = await rotate("1h");
  assert.equal(Date.parse(next.expires_at ?? "") - api.clock.now(), 90 * 86_400_000, "its life begins again");
  const status = (text: string) => statusOf(api.ask("/api/runs", bearer(text)));
  assert.deepEqual([await status(token), await status(next.token)], [200, 200]);
  await api.clock.advance(3_600_000 - 1);
  assert.equal(await status(token), 200);
  await api.clock.advance(1);
  assert.deepEqual([await status(token), await status(next.token)], [401, 200]);
  const last = await rotate();
  assert.deepEqual([await status(next.token), await status(last.token)], [401, 200]);
  await assert.rejects(rotate("8d"), /up to 7d/);
  await assert.rejects(rotate("soon"), /expected a duration/);
  await assert.rejects(api.people.tokens.rotate("none", {}), /no token/);
});

Deno.test("a token that is made with a token ends with it, and no later", () =>
  withMia(async (api) => {
    const parent = await api.people.tokens.create({ name: "parent", user: "mia", expires_in: "10d" }, "test");
    const make = async (name: string, expires?: string) => {
      const response = await api.ask("/api/account/tokens", {
        method: "POST",
        ...bearer(parent.token),
        json: { name, ...(expires === undefined ? {} : { expires_in: expires }) },
      });
      return await response.json();
    };
    const [short, long, endless] = [
      await make("short", "1d"),
      await make("long", "90d"),
      await make("endless"),
    ];
    assert.deepEqual(
      [short, long, endless].map(({ expires_at: at }) => (Date.parse(at) - api.clock.now()) / 86_400_000),
      [1, 10, 10],
    );
    assert.equal(await statusOf(api.ask("/api/runs", bearer(endless.token))), 200);
    await api.people.tokens.revoke(parent.id);
    assert.equal(await statusOf(api.ask("/api/runs", bearer(endless.token))), 401);
  }));

Deno.test("nobody reaches the sessions and tokens of another one by their ids", () =>
  withMia(async (api, ask) => {
    await api.people.users.create(
      { name: "ben", password: PASSWORD, must_change: false, role: "admin" },
      "test",
    );
    const cookie = await sessionOf(api, "ben");
    const [session] = await api.people.sessions.list("ben");
    const { id } = await api.people.tokens.create({ name: "t", user: "ben" }, "test");
    assert.equal((await ask("DELETE", `/api/account/sessions/${session?.id}`)).status, 404);
    assert.equal((await ask("DELETE", `/api/account/tokens/${id}`)).status, 404);
    assert.equal((await ask("POST", `/api/account/tokens/${id}/rotate`, {})).status, 404);
    assert.ok(!(await ask("GET", "/api/account/tokens")).body.includes(id));
    assert.equal(await statusOf(api.ask("/api/account", { headers: { cookie } })), 200);
  }));

Deno.test("who changes the password must know the one until now, and stays signed in here alone", () =>
  withMia(async (api, ask) => {
    const elsewhere = await sessionOf(api);
    const change = (current: string, password: string) =>
      ask("PUT", "/api/account/password", { current, password });
    assert.equal((await change("wrong", "quite another one")).status, 400);
    assert.equal((await change(PASSWORD, "password1234")).status, 400);
    assert.equal((await change(PASSWORD, PASSWORD)).status, 400);
    assert.equal(await statusOf(api.ask("/api/account", { headers: { cookie: elsewhere } })), 200);
    const { token } = await api.people.tokens.create({ name: "laptop", user: "mia" }, "mia");
    const changed = await change(PASSWORD, "quite another one");
    assert.deepEqual([changed.status, JSON.parse(changed.body)], [200, { tokens_ended: 0 }]);
    assert.equal(await statusOf(api.ask("/api/runs", bearer(token))), 200, "tokens stay unless it is said");
    const ended = await ask("PUT", "/api/account/password", {
      current: "quite another one",
      password: "one more of them",
      end_tokens: true,
    });
    assert.deepEqual([ended.status, JSON.parse(ended.body)], [200, { tokens_ended: 1 }]);
    assert.equal(await statusOf(api.ask("/api/runs", bearer(token))), 401);
    assert.deepEqual(api.audited.at(-1)?.details, { tokens_ended: 1 });
    assert.equal(await statusOf(api.ask("/api/account", { headers: { cookie: elsewhere } })), 401);
    const { status, body } = await ask("GET", "/api/account/sessions");
    assert.deepEqual([status, JSON.parse(body).length], [200, 1]);
    assert.equal(api.audited.at(-1)?.action, "password.change");
  }));

Deno.test("the password until now is not found out by trying", () =>
  withMia(async (api, ask) => {
    const tries = Promise.all(Array.from({ length: 50 }, (_, n) =>
      ask("PUT", "/api/account/password", { current: `guess ${n}`, password: "quite another one" })));
    let isDone = false;
    void tries.then(() =>
      isDone = true
    );
    while (!isDone) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await api.clock.advance(100);
    }
    const statuses = (await tries).map(({ status }) => status);
    assert.deepEqual([
      statuses.filter((one) => one === 400).length,
      statuses.filter((one) => one === 429).length,
    ], [5, 45]);
  }));

Deno.test("one's other sessions are ended, one or all", () =>
  withMia(async (api, ask) => {
    const others = [await sessionOf(api), await sessionOf(api), await sessionOf(api)];
    const list = JSON.parse((await ask("GET", "/api/account/sessions")).body);
    const [other] = list.filter((one: { is_current: boolean }) => !one.is_current);
    assert.equal(list.filter((one: { is_current: boolean }) => one.is_current).length, 1);
    assert.equal((await ask("DELETE", `/api/account/sessions/${other.id}`)).status, 204);
    const alive = async () => {
      const all = await Promise.all(
        others.map((cookie) => statusOf(api.ask("/api/account", { headers: { cookie } }))),
      );
      return all.filter((status) => status === 200).length;
    };
    assert.equal(await alive(), 2);
    assert.equal((await ask("DELETE", "/api/account/sessions")).status, 204);
    assert.equal(await alive(), 0);
    assert.equal((await ask("GET", "/api/account")).status, 200);
  }));

Deno.test("a service looks at its account and makes no tokens there", async () => {
  await using api = await ApiFixture.create();
  const account = await (await api.ask("/api/account", { as: "viewer" })).json();
  assert.deepEqual([account.name, account.kind, account.password_changed_at], [
    "the viewer",
    "service",
    null,
  ]);
  const made = api.ask("/api/account/tokens", { method: "POST", as: "viewer", json: { name: "x" } });
  assert.equal(await statusOf(made), 403);
});
