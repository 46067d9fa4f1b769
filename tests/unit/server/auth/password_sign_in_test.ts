import assert from "node:assert/strict";
import { settle } from "../../../support/fake_clock.ts";
import { ApiFixture } from "../http/api_fixture.ts";

const PASSWORD = "violet tractor umbrella";

interface Answer {
  readonly status: number;
  readonly body: string;
  /** What the browser keeps, as `name=value`. */
  readonly cookies: readonly string[];
  readonly retryAfter: string | null;
}

interface Try {
  readonly name?: string;
  readonly password?: string;
  readonly from?: string;
  readonly cookie?: string;
}

async function signIn(
  api: ApiFixture,
  { name = "mia", password = PASSWORD, from, cookie }: Try = {},
): Promise<Answer> {
  const response = await api.ask("/password-login", {
    method: "POST",
    json: { name, password },
    headers: { "sec-fetch-site": "same-origin", ...(cookie === undefined ? {} : { cookie }) },
    ...(from === undefined ? {} : { from }),
  });
  return {
    status: response.status,
    body: await response.text(),
    cookies: response.headers.getSetCookie().map((one) => one.split(";")[0] ?? ""),
    retryAfter: response.headers.get("retry-after"),
  };
}

/** Lets time pass until the work has ended. */
async function whileTimePasses<T>(api: ApiFixture, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => isDone = true);
  while (!isDone) {
    await settle();
    // Hashing is not the clock's: it goes on beside.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await api.clock.advance(50);
  }
  return await done;
}

async function withMia(work: (api: ApiFixture) => Promise<void>): Promise<void> {
  await using api = await ApiFixture.create();
  await api.people.users.create(
    { name: "mia", email: "Mia@example.com", role: "viewer", password: PASSWORD, must_change: false },
    "test",
  );
  await work(api);
}

Deno.test("a person signs in with a name or an address of mail, in whatever case", () =>
  withMia(async (api) => {
    for (const name of ["mia", "MIA", " mia ", "mia@EXAMPLE.com"]) {
      const { status, cookies } = await signIn(api, { name });
      assert.equal(status, 200, name);
      const [session = "", browser = ""] = cookies;
      assert.match(session, /^sluice_session=[\w-]{43}$/);
      assert.match(browser, /^sluice_browser=[\w-]{43}$/);
      const me = await api.ask("/", { headers: { cookie: session } });
      assert.equal(await me.text(), "mia");
    }
    const [last] = api.audited.slice(-1);
    assert.deepEqual([last?.action, last?.actor.name, last?.details], ["sign_in", "mia", {
      method: "password",
    }]);
  }));

Deno.test("the same characters are the same password, however they were typed", () =>
  withMia(async (api) => {
    const composed = "caf\u00e9 tractor umbrella";
    await api.people.passwords.set("mia", { password: composed, must_change: false }, "test");
    assert.equal((await signIn(api, { password: composed.normalize("NFD") })).status, 200);
    assert.equal((await signIn(api, { password: "cafe tractor umbrella" })).status, 401);
  }));

Deno.test("nobody is told what was wrong: the name, the password, or the user", () =>
  withMia(async (api) => {
    await api.people.users.create({ name: "ben", password: PASSWORD, must_change: false }, "test");
    await api.people.users.change("ben", { disabled: true });
    await api.people.users.create({ name: "nopass" }, "test");
    await api.people.users.create({ name: "bot", kind: "service" }, "test");
    const tries: Try[] = [
      { password: "wrong" },
      { name: "ben" },
      { name: "nobody" },
      { name: "nopass" },
      { name: "bot" },
      { name: "the admin" },
      { name: "", password: "" },
      { name: "x".repeat(100_000), password: "y".repeat(100_000) },
    ];
    for (const [n, one] of tries.entries()) {
      const { status, body, cookies } = await signIn(api, { ...one, from: `192.0.2.${n}` });
      assert.deepEqual([status, body, cookies], [401, "refused", []], JSON.stringify(one).slice(0, 80));
    }
    const failed = api.audited.filter(({ action }) => action === "sign_in.failed");
    assert.deepEqual(failed.map(({ actor }) => actor.name).slice(0, 3), ["mia", "ben", "unknown"]);
    assert.ok(!JSON.stringify(api.audited).includes("nobody"), "what was typed may be a password");
  }));

Deno.test("five hundred parallel guesses at one account are ten guesses, and then one every two seconds", () =>
  withMia(async (api) => {
    const startMs = api.clock.now();
    const guesses = Promise.all(
      Array.from(
        { length: 500 },
        (_, n) => signIn(api, { password: `guess ${n}`, from: `10.0.${n >> 8}.${n & 255}` }),
      ),
    );
    const answers = await whileTimePasses(api, guesses);
    const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length;
    assert.equal(count(401), 10);
    assert.equal(count(429), 490);
    assert.ok(answers.every(({ status, retryAfter }) => status === 401 || Number(retryAfter) > 0));
    assert.ok(api.clock.now() - startMs >= 20_000, "those that waited did so one after the other");
  }));

Deno.test("a right password gets in while others guess, and at once from a browser that is known", () =>
  withMia(async (api) => {
    const { cookies } = await signIn(api, { from: "192.0.2.1" });
    const browser = cookies.find((one) => one.startsWith("sluice_browser=")) ?? assert.fail();
    for (let n = 0; n < 10; n++) await signIn(api, { password: `guess ${n}`, from: `10.0.0.${n}` });
    const nowMs = api.clock.now();
    // As many guesses wait as may.
    const waiting = Array.from(
      { length: 10 },
      (_, n) => signIn(api, { password: `late ${n}`, from: `10.0.1.${n}` }),
    );
    await settle();
    assert.equal((await signIn(api, { from: "203.0.113.9", cookie: browser })).status, 200);
    assert.equal(api.clock.now(), nowMs, "it did not wait");
    await whileTimePasses(api, Promise.all(waiting));
    const elsewhere = await whileTimePasses(api, signIn(api, { from: "203.0.113.9" }));
    assert.equal(elsewhere.status, 200, "from a new browser too, in its turn");
  }));

Deno.test("a known browser is one account's, and its guesses are counted too", () =>
  withMia(async (api) => {
    await api.people.users.create({ name: "ben", password: PASSWORD, must_change: false }, "test");
    const { cookies } = await signIn(api);
    const cookie = cookies.find((one) => one.startsWith("sluice_browser=")) ?? assert.fail();
    const guess = (name: string, n: number) =>
      whileTimePasses(api, signIn(api, { name, password: `guess ${n}`, from: `10.0.0.${n}`, cookie }));
    for (const name of ["mia", "ben"]) {
      const statuses: number[] = [];
      for (let n = 0; n < 12; n++) statuses.push((await guess(name, n)).status);
      assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429], name);
    }
  }));

Deno.test("an address that guesses at many accounts is slowed down", () =>
  withMia(async (api) => {
    const guesses = Array.from({ length: 200 }, (_, n) => signIn(api, { name: `user ${n}`, password: "x" }));
    const answers = await whileTimePasses(api, Promise.all(guesses));
    assert.equal(answers.filter(({ status }) => status === 401).length, 10);
    assert.equal(
      (await whileTimePasses(api, signIn(api))).status,
      200,
      "somebody behind the same proxy gets in",
    );
    assert.equal(api.audited.filter(({ action }) => action === "sign_in.failed").length, 20);
  }));

Deno.test("who has a password of somebody else's making chooses another one first, once", () =>
  withMia(async (api) => {
    await api.people.passwords.set("mia", { password: "first of the admin" }, "test");
    const { status, body, cookies } = await signIn(api, { password: "first of the admin" });
    assert.deepEqual([status, cookies], [200, []], "there is no session yet");
    const { kind, path } = JSON.parse(body);
    assert.equal(kind, "choose_password");
    const link = new URL(path, "http://x").searchParams.get("link") ?? assert.fail();
    await assert.rejects(api.people.passwordLinks.use(link, "password1234"), /common/);
    assert.equal((await api.people.passwordLinks.use(link, "one of her own choice")).kind, "change");
    await assert.rejects(api.people.passwordLinks.use(link, "another of her own"), /good no more/);
    assert.equal((await signIn(api, { password: "first of the admin" })).status, 401);
    assert.equal((await signIn(api, { password: "one of her own choice" })).status, 200);
  }));

Deno.test("another password ends the sessions that there are", () =>
  withMia(async (api) => {
    const { cookies: [cookie = ""] } = await signIn(api);
    const status = async () => {
      const response = await api.ask("/api/runs", { headers: { cookie } });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await status(), 200);
    const put = await api.ask("/api/users/mia/password", {
      method: "PUT",
      as: "admin",
      json: { password: "quite another one", must_change: false },
    });
    assert.equal(put.status, 200);
    assert.equal(await status(), 401);
    assert.equal((await signIn(api, { password: "quite another one" })).status, 200);
  }));

Deno.test("weak passwords are refused with what to do, and are in no message, log or audit", () =>
  withMia(async (api) => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ["Ff3#9x", /has 6 characters, expected 12 or more/],
      ["password1234", /like a common one/],
      ["qwertyuiop[]", /row of keys/],
      ["aaaaaaaaaaaaaa", /repeats one character/],
      ["sluicesluice", /name that others know/],
      ["mia@example.com", /name that others know/],
      ["x1-".repeat(90), /256 at most/],
    ];
    for (const [password, message] of cases) {
      const response = await api.ask("/api/users/mia/password", {
        method: "PUT",
        as: "admin",
        json: { password },
      });
      const text = await response.text();
      assert.equal(response.status, 400, password);
      assert.match(text, message);
      assert.ok(!text.includes(password), password);
    }
    const said = [...api.logged, JSON.stringify(api.audited)].join("\n");
    for (const [password] of cases) assert.ok(!said.includes(password), password);
  }));
