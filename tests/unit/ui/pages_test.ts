import type { AuditReader } from "../../../engine/control/audit/reader.ts";
import { deepEqual, equal, fail, match, notEqual, ok } from "node:assert/strict";
import { Hono } from "hono";
import { requestId } from "hono/request-id";
import { type Access, createAccess } from "../../../contract/access/access.ts";
import {
  BUILT_IN_ROLES as ROLES,
  type BuiltInRole as Role,
  permissionsOf,
} from "../../../contract/access/permissions.ts";
import { guardedEngine } from "../../../engine/control/access/guarded_engine.ts";
import { NO_SECRETS } from "../../support/fake_secrets.ts";
import { NO_ACCOUNT, NO_RESETS, NOBODY } from "../../support/fake_people.ts";
import { fakePlaces } from "../../support/fake_places.ts";
import { RUN_STATES, STEP_STATES } from "../../../contract/run.ts";
import { NO_TABLE_DIFF } from "../../../contract/plan/table_diff.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { AppError } from "../../../contract/errors.ts";
import type { PagesOptions } from "../../../ui/pages/page_context.tsx";
import type { PageAuth, PageSignIn } from "../../../ui/parts/page_auth.ts";
import { createPages } from "../../../ui/pages/create_pages.tsx";
import type { FakeEngine } from "../../support/fake_engine.ts";
import { formatInZone } from "../../../text/zone_time.ts";
import { createFakeProject, makeRun, NOW, RUN_IDS } from "../../support/fake_project.ts";

const PATHS = [
  "/",
  "/?show=paused",
  "/?q=core",
  "/pipelines/crm_sync",
  "/pipelines/flights",
  "/pipelines/board_pack",
  "/pipelines/flights?find=%3Cb%3E",
  "/pipelines/flights/tables/raw.flights",
  "/pipelines/flights/tables/raw.weather",
  "/pipelines/flights/tables/hourly_weather",
  "/query",
  "/query?pipeline=flights&sql=%3C%2Ftextarea%3E%3Cb%3E",
  "/runs",
  "/problems",
  "/problems?state=closed",
  "/runs?state=failed&pipeline=web_events",
  "/logs",
  "/logs?search=&level=debug",
  "/logs?search=%3Cb%3E&pipeline=%3Ci%3E&step=%22&since=never",
  `/runs/${RUN_IDS.failed}?search=%3Cb%3E&step=%3Cu%3E`,
  "/backfills/orders%20of%20%3Cspring%3E",
  ...Object.values(RUN_IDS).map((id) => `/runs/${id}`),
];

function accessAs(role: Role): Access {
  return createAccess({
    principal: { id: role, name: `the ${role}`, kind: "person", via: "session" },
    groups: [],
    roles: [{ role, permissions: permissionsOf(role), scope: { kind: "all" } }],
  });
}

/** An audit log without lines. */
const NO_LINES: AuditReader = {
  list: () => Promise.resolve([]),
  export: () => Promise.resolve(new ReadableStream()),
  verify: () => Promise.reject(new Error("nobody asks")),
};

function engineFor(engine: FakeEngine) {
  const places = fakePlaces(engine);
  return {
    engineFor: (access: Access) => guardedEngine(engine, access, places),
    places,
    secrets: NO_SECRETS,
    peopleFor: () => NOBODY,
    auditFor: () => NO_LINES,
  };
}

const NO_SIGN_IN: PageSignIn = {
  isPasswordThere: () => Promise.resolve(false),
  hasPassword: () => Promise.resolve(false),
  isPasswordOf: () => Promise.resolve(false),
  withToken: () => Promise.resolve(undefined),
  withPassword: () => Promise.resolve(undefined),
  signOut: () => Promise.resolve(),
};
// Only what the sign-in page asks: what else factors do is tested over a store.
const NO_FACTORS = { factors: { relyingParty: () => ({ unavailable: "this is a test" }) } };
const secondFactor = NO_FACTORS as unknown as PagesOptions["secondFactor"];
const refuse = () => Promise.reject(new AppError("not_found", "There is no such link"));
const NO_LINKS = { look: refuse, use: refuse };

/** The pages for one user, or for nobody. */
function pagesFor(role: Role | undefined, engine: FakeEngine = createFakeProject()) {
  const logged: string[] = [];
  const access = role === undefined ? undefined : accessAs(role);
  const auth: PageAuth = {
    currentAccess: () => Promise.resolve(access),
    addressOf: () => "192.0.2.1",
  };
  const signIn: PageSignIn = {
    ...NO_SIGN_IN,
    withToken: (_c, token) => Promise.resolve(token === "right" ? accessAs("admin") : undefined),
  };
  const app = new Hono<AppEnv>();
  app.use(requestId());
  const clock = { now: () => Date.parse(NOW) };
  app.route(
    "/",
    createPages({
      ...engineFor(engine),
      auth,
      signIn,
      account: NO_ACCOUNT,
      forgotten: NO_RESETS,
      links: NO_LINKS,
      secondFactor,
      version: "1.2.3",
      clock,
      log: (_level, message) => logged.push(message),
    }),
  );
  app.notFound((c) => c.text("not a page", 404));
  const post = (path: string, fields: Record<string, string> = {}) =>
    app.request(path, { method: "POST", body: new URLSearchParams(fields) });
  return { engine, logged, post, get: async (path: string) => await app.request(path) };
}

async function html(response: Response): Promise<string> {
  match(response.headers.get("content-type") ?? "", /^text\/html/);
  return await response.text();
}

Deno.test("every page escapes what comes from outside and needs no inline script or style", async () => {
  const { get } = pagesFor("admin");
  for (const path of PATHS) {
    const response = await get(path);
    equal(response.status, 200, path);
    const text = await html(response);
    equal(text.includes("<script>"), false, path);
    equal(text.includes("<img"), false, path);
    equal(text.includes("\u001b"), false, path);
    equal(/\son\w+=/.test(text.replaceAll(/&lt;.*?&gt;/g, "")), false, path);
    equal(/\sstyle=/.test(text), false, path);
    equal(/(?:src|href)="(?:https?:)?\/\//.test(text), false, path);
  }
});

Deno.test("every page has a title, a language, one heading and its landmarks", async () => {
  const { get } = pagesFor("admin");
  for (const path of PATHS) {
    const text = await html(await get(path));
    match(text, /^<!doctype html><html lang="en">/);
    match(text, /<title>[^<]+ · Sluice<\/title>/);
    equal(text.match(/<h1/g)?.length, 1, path);
    for (const landmark of ["<header", "<nav", '<main id="main"', "<footer"]) {
      ok(text.includes(landmark), path);
    }
    const ids = [...text.matchAll(/\sid="([^"]*)"/g)].map((found) => found[1]);
    deepEqual(ids.filter((id, index) => ids.indexOf(id) !== index), [], `${path} repeats ids`);
  }
});

Deno.test("a run's state is a word, not only a colour", async () => {
  const engine = createFakeProject();
  for (const [index, state] of RUN_STATES.entries()) {
    engine.addRun(
      makeRun({
        id: `run-${state}`,
        pipeline: "board_pack",
        state,
        created_at: `2026-07-30T09:4${index}:00.000Z`,
      }),
    );
    const { get } = pagesFor("viewer", engine);
    match(
      await html(await get(`/runs/run-${state}`)),
      new RegExp(`state-${state} pill">.*<span>${state}</span>`),
    );
  }
});

Deno.test("warnings are seen wherever a run that succeeded is", async () => {
  const { get } = pagesFor("viewer");
  const home = await html(await get("/?q=flights"));
  match(home, /class="state state-warned" title="warned"/);
  match(home, /class="badge warn" title="1 warning"/);
  match(home, /class="bar bar-warned"/);
  equal((await html(await get("/?show=warned"))).match(/class="pipeline-name"/g)?.length, 1);
  const pipeline = await html(await get("/pipelines/flights"));
  match(pipeline, /model:departures: [^<]*\(warned\)/);
  match(pipeline, /model:daily_delays: [^<]*\(succeeded\)/);
  const run = await html(await get(`/runs/${RUN_IDS.succeeded}`));
  match(run, /<h1>.*<a class="badge warn" href="#checks-title" title="1 warning">.*<\/h1>/);
});

Deno.test("how far followed changes are is on the pipeline's page and on its streams', with what to look at soon", async () => {
  const { get } = pagesFor("viewer");
  match(
    await html(await get("/?q=flights")),
    /href="\/pipelines\/flights#faults" title="The slot[^"]*10GB\)"/,
  );
  const pipeline = await html(await get("/pipelines/flights"));
  match(pipeline, /aria-label="Warnings".*The slot sluice_flights keeps 12\.0 GB/s);
  match(pipeline, /airports, not caught up/);
  match(pipeline, /1 m 30 s/);
  match(pipeline, /16\/B374D848/);
  match(pipeline, /there is no table &lt;public\.weather&gt;/);
  match(await html(await get("/pipelines/flights/tables/raw.flights")), /16\/B374D848/);
  equal((await html(await get("/pipelines/board_pack"))).includes("Followed changes"), false);
});

Deno.test("schedules are told in words and in their own zone, with the next five times", async () => {
  const { get } = pagesFor("viewer");
  const flights = await html(await get("/pipelines/flights"));
  match(flights, /every day at 02:00, Paris/);
  match(flights, /Fri 02:00 Paris/);
  match(flights, /in 14 h 18 min/);
  match(flights, /then .*Sat 02:00.*Sun 02:00.*Mon 02:00.*Tue 02:00/);
  match(await html(await get("/")), /next <time [^>]*>Fri 02:00 Paris<\/time>/);
});

Deno.test("of a pipeline of a thousand models the first are shown, and any by a part of its name", async () => {
  const engine = createFakeProject();
  const flights = await engine.getPipeline("flights");
  const model = flights.steps.find(({ kind }) => kind === "model") ?? fail();
  const numbers = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(4, "0"));
  engine.addPipeline({
    ...flights,
    name: "many",
    steps: numbers.map((number) => ({ ...model, name: `model:m${number}`, sql: `SELECT ${number}` })),
    files: numbers.map((number) => ({ path: `transforms/many/m${number}.sql`, content: `SELECT ${number}` })),
  });
  const { get } = pagesFor("viewer", engine);
  const page = await html(await get("/pipelines/many"));
  match(page, /1,000 steps; shown: the first 200 of 1,000/);
  match(page, /1,001 files in this revision; shown: the first 200 of 1,001/);
  match(page, /Too many steps for one picture/);
  deepEqual([page.includes("row-model:m0199"), page.includes("m0200")], [true, false]);
  const found = await html(await get("/pipelines/many?find=M012"));
  match(found, /1,000 steps; shown: 10 with “M012” in their name/);
  deepEqual(["row-model:m0129", "file-130", "m0130"].map((text) => found.includes(text)), [
    true,
    true,
    false,
  ]);
  equal((await html(await get("/pipelines/flights"))).includes("shown:"), false);
});

Deno.test("of a run of a thousand models those are shown that want a look, and any by a part of its name", async () => {
  const engine = createFakeProject();
  const run = await engine.getRun(RUN_IDS.succeeded);
  const model = run.steps.find(({ kind }) => kind === "model") ?? fail();
  const steps = Array.from({ length: 1_000 }, (_, at) => ({
    ...model,
    name: `model:m${String(at).padStart(4, "0")}`,
    duration_ms: at,
    ...(at === 3 ? { state: "failed" as const } : {}),
  }));
  engine.getRun = () => Promise.resolve({ ...run, steps });
  const { get } = pagesFor("viewer", engine);
  const page = await html(await get(`/runs/${run.id}`));
  match(page, /1,000 steps; shown: the first 200 of 1,000/);
  deepEqual(
    ["0003", "0004", "0800", "0801", "0999"].map((number) => page.includes(`row-model:m${number}`)),
    [true, false, false, true, true],
  );
  match(
    await html(await get(`/runs/${run.id}?find=m0004`)),
    /1,000 steps; shown: 1 with “m0004”.*row-model:m0004/s,
  );
});

Deno.test("several schedules are each told, and their next times together, each by its own clock", async () => {
  const engine = createFakeProject();
  const view = (words: string, timezone: string, ...at: string[]) => ({
    cron: null,
    every: words,
    timezone,
    words,
    next: at.map((time) => ({ at: time, local: formatInZone(Date.parse(time), timezone) })),
  });
  const schedules = [
    view("every 1 d", "Europe/Paris", "2026-07-30T22:30:00.000Z", "2026-07-31T22:30:00.000Z"),
    view("every 6 h, not on 12-25", "Asia/Tokyo", "2026-07-30T22:30:00.000Z", "2026-07-31T04:30:00.000Z"),
  ];
  const flights = await engine.getPipeline("flights");
  engine.addPipeline({ ...flights, name: "twice", schedule: schedules[0] ?? null, schedules });
  const { get } = pagesFor("viewer", engine);
  const page = await html(await get("/pipelines/twice"));
  match(page, /every 1 d, Paris[^]*every 6 h, not on 12-25, Tokyo/);
  match(page, /Fri 00:30 Paris[^]*then .*Fri 13:30 Tokyo.* · .*Sat 00:30</);
  match(await html(await get("/")), /every 1 d, Paris, and 1 more/);
});

Deno.test("a step's state is told to those who do not see its icon", async () => {
  const engine = createFakeProject();
  const { steps } = await engine.getRun(RUN_IDS.succeeded);
  const [step] = steps;
  ok(step !== undefined);
  const all = STEP_STATES.map((state) => ({ ...step, name: `extract:in_${state}`, state }));
  engine.addRun(makeRun({ id: "states", pipeline: "board_pack", steps: all }));
  const text = await html(await pagesFor("viewer", engine).get("/runs/states"));
  for (const state of STEP_STATES) ok(text.includes(`<span class="sr-only">${state}</span>`), state);
});

Deno.test("a failed run shows its error with the step, the message, the detail and the code", async () => {
  const text = await html(await pagesFor("viewer").get(`/runs/${RUN_IDS.failed}`));
  match(text, /extract:weather failed/);
  match(text, /line 4812: column &quot;amount&quot; is &quot;abc&quot;/);
  match(text, /Conversion Error: Could not convert/);
  match(text, /<code>invalid<\/code>/);
});

Deno.test("attempts are kept apart in the log and the steps, with the way to each", async () => {
  const { get } = pagesFor("viewer");
  const newest = await html(await get(`/runs/${RUN_IDS.failed}`));
  deepEqual([...newest.matchAll(/<li class="log-attempt">([^<]+)/g)].map((found) => found[1]), [
    "Attempt 2",
    "Attempt 3",
  ]);
  match(newest, new RegExp(`href="/runs/${RUN_IDS.failed}" aria-current="true">Attempt 3<`));
  match(newest, new RegExp(`href="/runs/${RUN_IDS.failed}\\?attempt=1"[^>]*>Attempt 1<`));
  const first = await html(await get(`/runs/${RUN_IDS.failed}?attempt=1`));
  match(first, /as attempt 1 left them/);
  equal(first.match(/class="row step /g)?.length, 1);
  const text = await (await get(`/runs/${RUN_IDS.failed}/log`)).text();
  equal(text.match(/^\S+ \S+ +#3 extract:weather: /gm)?.length, 20);
});

Deno.test("a retry is offered where it would be taken, and nowhere else", async () => {
  const engine = createFakeProject();
  const { get } = pagesFor("operator", engine);
  match(await html(await get(`/runs/${RUN_IDS.failed}`)), /Retry this run/);
  const newer = makeRun({ id: "newer", pipeline: "web_events", created_at: "2026-07-30T09:41:29.000Z" });
  engine.addRun(newer);
  const older = await html(await get(`/runs/${RUN_IDS.failed}`));
  equal(older.includes("Retry this run"), false);
  match(older, /It cannot be retried: a newer run has begun/);
});

Deno.test("all queued runs are cancelled at once, or those of a pipeline", async () => {
  const engine = createFakeProject();
  await engine.triggerRun("board_pack", { trigger: "api" });
  const { get, post } = pagesFor("operator", engine);
  const queued = await html(await get("/runs?state=queued"));
  match(queued, /Cancel all queued runs/);
  match(queued, /<span class="muted">queued <time/);
  equal(
    (await html(await pagesFor("viewer", engine).get("/runs?state=queued"))).includes("Cancel all"),
    false,
  );
  equal((await post("/runs/cancel", { pipeline: "board_pack" })).status, 303);
  deepEqual((await engine.listRuns({ state: "queued" })).map(({ pipeline }) => pipeline), ["exchange_rates"]);
  await post("/runs/cancel");
  deepEqual(await engine.listRuns({ state: "queued" }), []);
});

Deno.test("a run that goes on counts what its steps have read so far", async () => {
  match(await html(await pagesFor("viewer").get(`/runs/${RUN_IDS.running}`)), /Rows in<\/dt><dd>201,000/);
});

Deno.test("streams are told with their last read, their requests and where they go on from", async () => {
  const text = await html(await pagesFor("viewer").get("/pipelines/flights"));
  const [, section = ""] = /<div id="streams"[^>]*>(.*?)<\/section>/s.exec(text) ?? [];
  match(section, /Requests.*Pages.*Retries.*Waited.*Last state/s);
  match(section, /1,204<\/td>.*1,198<\/td>.*>6<\/td>.*48\.2 s/s);
  match(section, /updated_at = 2026-07-29 09:41:02\.125\+00/);
  match(section, /failed.*GET https:\/\/api\.example\/weather/s);
  match(section, /reads everything each time.*not lately.*none yet/s);
  const run = await html(await pagesFor("viewer").get(`/runs/${RUN_IDS.running}`));
  match(run, /data-traffic="extract:weather">1,204 requests, 1,198 pages, 6 retries, waited 48\.2 s</);
  match(run, /Waited for limits<\/dt><dd>48\.2 s/);
});

Deno.test("rows that a load's target rejected are on the page of their table, for who may look at rows", async () => {
  const path = "/pipelines/flights/tables/hourly_weather";
  match(await html(await pagesFor("operator").get(path)), /Rows that hourly_weather→lake rejected.*422:/s);
  ok(!/rejected/.test(await html(await pagesFor("viewer").get(path))));
  const { engine, post } = pagesFor("operator");
  const load = encodeURIComponent("load:hourly_weather→lake");
  match(await html(await post(`/pipelines/flights/rejects/${load}/drop`)), /1 reject dropped/);
  deepEqual((await engine.listRejects("flights")).map(({ stream }) => stream), ["flights"]);
});

Deno.test("a definition is shown as it was written, comments and lines", async () => {
  const text = await html(await pagesFor("viewer").get("/pipelines/flights"));
  match(text, /id="file-0-L1"><span class="tok-comment"># Departures, every night\./);
  match(text, /id="file-0-L2">.*# local time/);
});

Deno.test("many pipelines are a page that one gets through: a line and a stop each, a hundred at first", async () => {
  const engine = createFakeProject();
  const some = await engine.getPipeline("flights");
  for (let n = 0; n < 200; n++) {
    const name = `many_${String(n).padStart(3, "0")}`;
    engine.addPipeline({ ...some, name, tags: [`t${n % 2}`] });
    for (let run = 0; run < 12; run++) {
      engine.addRun(
        makeRun({ id: `${name}-${run}`, pipeline: name, created_at: `2026-07-30T08:${10 + run}:00.000Z` }),
      );
    }
  }
  const { get } = pagesFor("operator", engine);
  const first = await html(await get("/"));
  equal(first.match(/class="pipeline-name"/g)?.length, 100);
  match(first, /href="\/\?all=yes">Show 107 more</);
  const stops = (text: string) =>
    (text.match(/<(?:a|button|input|select)\b(?![^>]*(?:tabindex="-1"|type="hidden"))/g) ?? []).length;
  ok(stops(first) < 130, `${stops(first)} stops`);
  ok(first.length < 250_000, `${first.length} characters`);
  const whole = await html(await get("/?all=yes"));
  equal(whole.match(/class="pipeline-name"/g)?.length, 207);
  const found = await html(await get("/?q=many_01"));
  equal(found.match(/class="pipeline-name"/g)?.length, 10);
  equal(found.includes("compact"), false);
});

Deno.test("pipelines of an environment are on a list of their own, and say where they are", async () => {
  const engine = createFakeProject();
  const { get } = pagesFor("operator", engine);
  ok(!(await html(await get("/"))).includes('aria-label="Environments"'));
  const some = await engine.getPipeline("flights");
  engine.addPipeline({ ...some, name: "flights@dev", environment: "dev" });
  const production = await html(await get("/"));
  match(production, /aria-label="Environments">.*aria-current="true">production<.*href="\/\?env=dev">dev</s);
  ok(!production.includes("flights@dev"));
  const dev = await html(await get("/?env=dev&q=flights"));
  equal(dev.match(/class="pipeline-name"/g)?.length, 1);
  match(dev, /flights@<wbr\/?>dev|flights@dev/);
  match(dev, /type="hidden" name="env" value="dev"/);
  const page = await html(await get("/pipelines/flights@dev"));
  match(
    page,
    /Environment<\/dt><dd><a href="\/\?env=dev">dev<\/a>.*In production<\/dt><dd><a href="\/pipelines\/flights">/s,
  );
});

Deno.test("who cancelled a run is on its page", async () => {
  const engine = createFakeProject();
  engine.addRun(makeRun({
    id: "stopped",
    pipeline: "board_pack",
    state: "cancelled",
    cancelled_by: "ada",
    error: { code: "cancelled", message: "The run was cancelled" },
  }));
  match(await html(await pagesFor("viewer", engine).get("/runs/stopped")), /The run was cancelled by ada/);
});

Deno.test("an active run's page follows its events and one that has ended does not", async () => {
  const { get } = pagesFor("viewer");
  const running = await html(await get(`/runs/${RUN_IDS.running}`));
  match(
    running,
    new RegExp(`data-after="2" data-attempt="1" data-events="/api/runs/${RUN_IDS.running}/events"`),
  );
  match(running, /<noscript><meta http-equiv="refresh" content="3"/);
  const ended = await html(await get(`/runs/${RUN_IDS.succeeded}`));
  equal(/data-events|http-equiv/.test(ended), false);
});

Deno.test("who has not signed in is sent to the login page and from there to where they wanted", async () => {
  const { get, post } = pagesFor(undefined);
  for (const path of PATHS) {
    const response = await get(path);
    equal(response.status, 303);
    const expected = path === "/" ? "/login" : `/login?next=${encodeURIComponent(path)}`;
    equal(response.headers.get("location"), expected);
  }
  equal((await post(`/runs/${RUN_IDS.failed}/retry`)).headers.get("location"), "/login");
  match(await html(await get("/login?next=/runs?state=failed")), /name="next" value="\/runs\?state=failed"/);
});

Deno.test("signing in leads only to this server's own addresses", async () => {
  const { post } = pagesFor(undefined);
  const cases: [string, string][] = [
    ["/runs?state=failed", "/runs?state=failed"],
    ["", "/"],
    ["//elsewhere.example", "/"],
    ["/\\elsewhere.example", "/"],
    ["/\t/elsewhere.example", "/"],
    ["https://elsewhere.example", "/"],
    ["javascript:alert(1)", "/"],
  ];
  for (const [next, location] of cases) {
    const response = await post("/login", { token: " right ", next });
    deepEqual([response.status, response.headers.get("location")], [303, location], next);
  }
});

Deno.test("a wrong token is answered on the login page, which keeps the way", async () => {
  const response = await pagesFor(undefined).post("/login", { token: "wrong", next: "/runs" });
  equal(response.status, 401);
  const text = await html(response);
  match(text, /That token is not known/);
  match(text, /name="next" value="\/runs"/);
  equal(text.includes("wrong"), false);
});

Deno.test("a body that is no form is refused", async () => {
  const { engine } = pagesFor("admin");
  const app = createPages({
    ...engineFor(engine),
    auth: {
      currentAccess: () => Promise.resolve(undefined),
      addressOf: () => "192.0.2.1",
    },
    signIn: NO_SIGN_IN,
    account: NO_ACCOUNT,
    secondFactor,
    forgotten: NO_RESETS,
    links: NO_LINKS,
    version: "1",
    clock: { now: () => 0 },
    log: () => {},
  });
  const response = await app.request("/login", {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json" },
  });
  equal(response.status, 400);
  match(await html(response), /Cannot read the form/);
});

for (const role of ROLES) {
  Deno.test(`the ${role} ${role === "viewer" ? "may not act" : "may act"}`, async () => {
    const { engine, get, post } = pagesFor(role);
    const forms = (await html(await get(`/runs/${RUN_IDS.failed}`))).includes(
      `action="/runs/${RUN_IDS.failed}/retry"`,
    );
    equal(forms, role !== "viewer");
    equal((await post(`/runs/${RUN_IDS.failed}/retry`)).status, role === "viewer" ? 403 : 303);
    equal((await engine.getRun(RUN_IDS.failed)).state, role === "viewer" ? "failed" : "queued");
  });
}

Deno.test("a run that was asked for is started with its params and shown", async () => {
  const { engine, post } = pagesFor("operator");
  const response = await post("/pipelines/flights/runs", { "param.threshold": "20", full_refresh: "yes" });
  equal(response.status, 303);
  const id = response.headers.get("location")?.split("/").at(-1) ?? "";
  const run = await engine.getRun(id);
  deepEqual(run.params, { region: "us", threshold: 20, since: "2013-01-01", include_cancelled: false });
  deepEqual([run.full_refresh, run.trigger, run.triggered_by], [true, "page", "the operator"]);
});

Deno.test("a param of the wrong type is refused beside the form, which keeps what was typed", async () => {
  const response = await pagesFor("operator").post("/pipelines/flights/runs", { "param.threshold": "a few" });
  equal(response.status, 400);
  const text = await html(response);
  match(text, /the param threshold must be a whole number of at most 64 bits, but got &quot;a few&quot;/);
  match(text, /<details class="menu" open/);
  match(text, /value="a few"/);
});

Deno.test("an action that the run's state does not allow is refused on its page", async () => {
  const response = await pagesFor("operator").post(`/runs/${RUN_IDS.succeeded}/cancel`);
  equal(response.status, 409);
  match(await html(response), /role="alert".*it is succeeded/s);
});

Deno.test("a table shows its columns, and its rows to who may look at them", async () => {
  const path = "/pipelines/flights/tables/raw.flights";
  const shown = await html(await pagesFor("operator").get(path));
  match(shown, /First 50 rows/);
  match(shown, /<td class="number" ?>1402<\/td>/);
  match(shown, /<span class="null">NULL<\/span>/);
  match(shown, /departed_at = 2013-12-31 23:59:00/);
  match(shown, /In miles\./);
  const hidden = await html(await pagesFor("viewer").get(path));
  match(hidden, /You may not look at rows/);
  match(hidden, /departed_at/);
  equal(hidden.includes("1402"), false);
  const { get } = pagesFor("admin");
  match(await html(await get("/pipelines/flights/tables/hourly_weather")), /took too long for a preview/);
  match(await html(await get("/pipelines/flights")), /href="\/pipelines\/flights\/tables\/raw\.flights"/);
  equal((await get("/pipelines/flights/tables/none")).status, 404);
});

Deno.test("a model's page has its SQL, checks and neighbours, and previews its rows for who may look at rows", async () => {
  const path = "/pipelines/flights/tables/hourly_weather";
  const { engine, get, post } = pagesFor("operator");
  const page = await html(await get(path));
  match(page, /<h2 id="sql-title">SQL<\/h2>/);
  match(page, new RegExp(`action="${path}/preview#rows"`));
  const shown = await html(await post(`${path}/preview`));
  deepEqual(engine.queries.asked.map(({ pipeline, model }) => [pipeline, model]), [[
    "flights",
    "hourly_weather",
  ]]);
  match(shown, /Preview: 1 row<.*Nothing was built or stored/s);
  engine.queries.refusal = new AppError("invalid", "hourly_weather cannot be shown", {
    faults: [{
      file: "transforms/w.sql",
      line: 3,
      column: 7,
      message: "no <such> column",
      severity: "error",
    }],
  });
  const refused = await post(`${path}/preview`);
  equal(refused.status, 400);
  match(await html(refused), /cannot be shown.*transforms\/w\.sql:3:7: no &lt;such&gt; column/s);
  engine.queries.refusal = new AppError("unavailable", "A run goes on");
  equal((await post(`${path}/preview`)).status, 503);
  equal((await html(await pagesFor("viewer").get(path))).includes("/preview"), false);
  equal((await pagesFor("viewer").post(`${path}/preview`)).status, 403);
});

Deno.test("a query is asked on its page, which keeps it beside its rows or its fault, by who may look at rows", async () => {
  const { engine, get, post } = pagesFor("operator");
  match(
    await html(await get("/query?pipeline=flights&sql=SELECT%201")),
    /<textarea[^>]*>SELECT 1<\/textarea>/,
  );
  equal(engine.queries.queried.length, 0, "a link asks nothing by itself");
  const shown = await html(await post("/query", { pipeline: "flights", sql: "SELECT n\r\nFROM t;" }));
  match(shown, /1 row<.*<td class="number" ?>1<\/td>/s);
  match(shown, /<option value="flights" selected/);
  match(shown, />SELECT n\nFROM t;<\/textarea>/);
  deepEqual(engine.queries.queried, [{
    sql: "SELECT n\nFROM t",
    pipeline: "flights",
    limit: 500,
    cells: "shown",
  }]);
  const wrong = await post("/query", { sql: "SELECT wrong" });
  equal(wrong.status, 400);
  match(
    await html(wrong),
    /role="alert".*column &quot;wrong&quot; does not exist.*line 1, column 8: SELECT wrong/s,
  );
  for (
    const response of [
      await pagesFor("viewer").get("/query"),
      await pagesFor("viewer").post("/query", { sql: "SELECT 1" }),
    ]
  ) {
    equal(response.status, 403);
  }
  equal((await html(await pagesFor("viewer").get("/"))).includes("/query"), false);
});

Deno.test("a stream's page shows the rows that did not fit, and replays or drops them", async () => {
  const path = "/pipelines/flights/tables/raw.flights";
  const shown = await html(await pagesFor("operator").get(path));
  match(shown, /Rows that did not fit/);
  match(shown, /data\/flights\.csv line 12/);
  match(shown, /2 more rejects in _sluice\.rejects/);
  match(shown, /action="\/pipelines\/flights\/rejects\/flights\/replay"/);
  equal((await html(await pagesFor("viewer").get(path))).includes("line 12"), false);
  const { post } = pagesFor("operator");
  match(
    await html(await post("/pipelines/flights/rejects/flights/replay")),
    /3 rows replayed into raw\.flights/,
  );
  equal((await pagesFor("viewer").post("/pipelines/flights/rejects/flights/drop")).status, 403);
});

Deno.test("the loads of a pipeline and of a table show their receipts, and verify their targets", async () => {
  const { engine, get, post } = pagesFor("operator");
  const shown = await html(await get("/pipelines/flights"));
  match(shown, /<h2 id="loads-title">Loads<\/h2>/);
  match(shown, /<code>00c3f1a2b4d5e697<\/code>/);
  match(shown, /differs.*not verifiable/s);
  match(shown, /2 rows are not there as they were sent[\s\S]*Expected 5,840 rows, found 5,838/);
  match(shown, /action="\/pipelines\/flights\/verification"/);
  const table = await html(await get("/pipelines/flights/tables/hourly_weather"));
  match(table, /none is known.*out\/weather/s);
  equal(table.includes("ranking.xlsx"), false);
  const run = await html(await get(`/runs/${RUN_IDS.succeeded}`));
  match(run, /<dt>New<\/dt><dd>5,840<\/dd>[\s\S]*<dt>Gone<\/dt><dd>5,812<\/dd>[\s\S]*the same, <time/);

  const viewer = pagesFor("viewer");
  const looked = await html(await viewer.get("/pipelines/flights"));
  deepEqual([looked.includes("2 rows are not there"), looked.includes("/verification")], [false, false]);
  match(looked, /differs/);
  for (
    const path of ["/pipelines/flights/verification", "/pipelines/flights/tables/hourly_weather/verification"]
  ) {
    equal((await viewer.post(path)).status, 403);
    equal((await viewer.post(`${path}/stop`)).status, 403);
  }

  equal((await post("/pipelines/flights/verification")).headers.get("location"), "/pipelines/flights#loads");
  equal((await engine.getVerification("flights")).started_by, "the operator");
  const during = await html(await get("/pipelines/flights"));
  match(during, /Reading targets back: 0 loads done so far/);
  const again = await post("/pipelines/flights/verification");
  equal(again.status, 409);
  match(await html(again), /role="alert".*being verified already/s);
  equal(
    (await post("/pipelines/flights/tables/hourly_weather/verification/stop")).headers.get("location"),
    "/pipelines/flights/tables/hourly_weather#loads",
  );
  match(await html(await get("/pipelines/flights")), /did not come to its end: Stopped/);
});

Deno.test("connectors are listed, and tested and discovered by an admin", async () => {
  const { get, post } = pagesFor("admin");
  match(await html(await get("/connectors")), /href="\/connectors\/shop"/);
  match(await html(await get("/connectors/shop")), /action="\/connectors\/shop\/test"/);
  match(await html(await post("/connectors/shop/test")), /it can be reached/);
  match(await html(await post("/connectors/shop/discover")), /public\.orders[\s\S]*8\.19 kB|public\.orders/);
  equal((await get("/connectors/none")).status, 404);
  const viewer = pagesFor("viewer");
  match(await html(await viewer.get("/connectors/shop")), /takes the role engineer or admin/);
  equal((await viewer.post("/connectors/shop/test")).status, 403);
});

Deno.test("problems are acknowledged and muted, and notifiers tested, by who may", async () => {
  const { get, post, engine } = pagesFor("operator");
  const text = await html(await get("/problems"));
  match(text, /Problems<span class="nav-count">3<\/span>/);
  match(text, /acknowledged by ada &lt;ada@example.com&gt;/);
  match(text, /notifier pager/);
  match(text, /next try 2026-07-30 09:43:30 UTC/);
  const [first] = await engine.alerts.problems({ isOpen: true });
  const path = `/problems/${first?.id}`;
  equal((await post(`${path}/acknowledge`)).headers.get("location"), "/problems");
  equal((await post(`${path}/mute`, { for: "8h" })).status, 303);
  const [changed] = await engine.alerts.problems({ isOpen: true });
  deepEqual([changed?.acknowledged_by, changed?.muted_until], ["the operator", "2026-07-30T17:41:30.000Z"]);
  equal((await post(`${path}/mute`, { for: "never" })).status, 400);
  match(await html(await post("/notifiers/team/test")), /team took the message: answered 200/);
  equal((await post("/notifiers/nobody/test")).status, 404);
  match(await html(await get("/problems?state=closed")), /crm_sync/);

  const viewer = pagesFor("viewer");
  equal((await html(await viewer.get("/problems"))).includes("Acknowledge"), false);
  equal((await viewer.post(`${path}/acknowledge`)).status, 403);
});

Deno.test("older problems and messages are on pages of their own", async () => {
  const { engine, get } = pagesFor("viewer");
  const [problem] = await engine.alerts.problems({});
  const [delivery] = await engine.alerts.deliveries({});
  ok(problem !== undefined && delivery !== undefined);
  equal((await html(await get("/problems"))).includes('rel="next"'), false);
  for (let index = 0; index < 120; index++) {
    const id = `01K0OTHER${String(index).padStart(3, "0")}`;
    engine.alerts.addProblem({ ...problem, id, key: id, message: `trouble ${index}.` });
    if (index < 30) engine.alerts.addDelivery({ ...delivery, id, title: `message ${index}.` });
  }
  const first = await html(await get("/problems"));
  const [, older = ""] = /href="(\/problems\?cursor=[^"]+)"/.exec(first) ?? [];
  const [, olderMessages = ""] = /href="(\/problems\?messages=[^"#]+)#/.exec(first) ?? [];
  match(first, /trouble 90\./);
  match(first, /message 29\./);
  const second = await html(await get(older));
  equal(second.includes("trouble 90."), false);
  match(second, /trouble 119\.[\s\S]*href="\/problems">Newest/);
  const messages = await html(await get(olderMessages));
  equal(messages.includes("message 29."), false);
  match(messages, /message 0\./);
  equal((await get("/problems?cursor=nowhere")).status, 422);
});

Deno.test("a schedule is paused and resumed", async () => {
  const { engine, post } = pagesFor("operator");
  equal((await post("/pipelines/orders/pause")).headers.get("location"), "/pipelines/orders");
  equal((await engine.getPipeline("orders")).paused, true);
  await post("/pipelines/orders/resume");
  equal((await engine.getPipeline("orders")).paused, false);
});

Deno.test("a run's page counts the rows that a step has kept aside", async () => {
  const texts = await Promise.all(
    Object.values(RUN_IDS).map(async (id) => await html(await pagesFor("viewer").get(`/runs/${id}`))),
  );
  deepEqual(texts.filter((text) => />7 rejects</.test(text)).length, 1);
});

Deno.test("/runs is turned over by the last run of each page, and keeps its filter", async () => {
  const { engine, get } = pagesFor("viewer");
  const seen: string[] = [];
  for (let path: string | undefined = "/runs?pipeline=exchange_rates"; path !== undefined;) {
    const text = await html(await get(path));
    seen.push(
      ...[...text.matchAll(/<td class="cell-run"><a href="\/runs\/([^"]+)"/g)].map((found) => found[1] ?? ""),
    );
    path = /rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
    ok(path === undefined || path.includes("pipeline=exchange_rates"));
  }
  const all = await engine.listRuns({ pipeline: "exchange_rates", limit: 500 });
  deepEqual(seen, all.map((run) => run.id));
});

Deno.test("/runs shows fifty at once", async () => {
  const { get } = pagesFor("viewer");
  const first = await html(await get("/runs"));
  equal(first.match(/class="cell-run"/g)?.length, 50);
  const next = /rel="next" href="([^"]+)"/.exec(first)?.[1] ?? "";
  const second = await html(await get(next.replaceAll("&amp;", "&")));
  const count = second.match(/class="cell-run"/g)?.length ?? 0;
  ok(count > 0 && count < 50);
  equal(second.includes('rel="next"'), false);
});

Deno.test("an empty project says how to begin", async () => {
  const engine = createFakeProject();
  for (const { name } of await engine.listPipelines()) await engine.deletePipeline(name);
  match(await html(await pagesFor("admin", engine).get("/")), /No pipelines yet/);
});

Deno.test("faults are shown with file, line and column", async () => {
  const text = await html(await pagesFor("viewer").get("/pipelines/crm_sync"));
  match(text, /2 faults/);
  match(text, /pipelines\/crm_sync\.yaml:14:7/);
  match(text, /did you mean &quot;update_key&quot;/);
});

Deno.test("the whole log is there as plain text", async () => {
  const response = await pagesFor("viewer").get(`/runs/${RUN_IDS.failed}/log`);
  equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
  const text = await response.text();
  equal(text.match(/^2026-/gm)?.length, 60);
  equal(text.includes("\u001b"), false);
});

Deno.test("logs of all runs are searched, page by page, and debug lines shown to who asks for them", async () => {
  const { get, engine } = pagesFor("viewer");
  for (let count = 0; count < 150; count++) engine.addLog(RUN_IDS.running, { message: `needle ${count}` });
  engine.addLog(RUN_IDS.failed, { message: "needle in debug", level: "debug" });
  equal((await html(await get("/logs"))).includes("needle"), false, "nothing before somebody asks");
  engine.addLog(RUN_IDS.failed, { message: "Needle and more", level: "warn", step: "extract:a" });
  for (let count = 0; count < 150; count++) engine.addLog(RUN_IDS.failed, { message: `needle ${count}` });
  const first = await html(await get("/logs?search=NEEDLE"));
  match(first, new RegExp(`href="/runs/${RUN_IDS.running}"`));
  equal(first.match(/<li class="log-line/g)?.length, 200);
  const next = /href="(\/logs\?search=NEEDLE&amp;after=[^"]+)"/.exec(first)?.[1]?.replaceAll("&amp;", "&");
  const second = await html(await get(next ?? ""));
  equal(second.match(/<li class="log-line/g)?.length, 101);
  equal(/in debug|Search on/.test(second), false);
  match(
    await html(await get("/logs?search=needle&level=debug&pipeline=web_events")),
    /needle in debug|No line/,
  );
  const refused = await get("/logs?search=&since=yesterday");
  equal(refused.status, 400);
  match(await html(refused), /since is &quot;yesterday&quot;, expected a date/);
});

Deno.test("a run's log is searched on its page, which then does not follow it", async () => {
  const { get, engine } = pagesFor("viewer");
  engine.addLog(RUN_IDS.running, { message: "a needle", level: "warn", step: "extract:a" });
  const page = await html(await get(`/runs/${RUN_IDS.running}?search=NEEDLE&level=&step=a`));
  equal(page.match(/<li class="log-line/g)?.length, 1);
  match(page, /1 line that fit this/);
  equal(page.includes("data-events"), false);
  const none = await html(await get(`/runs/${RUN_IDS.running}?search=nothing+like+it`));
  match(none, /No line fits this/);
});

Deno.test("a pipeline's page has the calendar of its runs and how long they took, once there are some", async () => {
  const { get } = pagesFor("viewer");
  const page = await html(await get("/pipelines/flights"));
  match(page, /<title>2026-07-30: 1 run, 1 succeeded<\/title>/);
  match(page, /The last \d+ runs: durations and rows/);
  match(
    page,
    new RegExp(`<a href="/runs/${RUN_IDS.succeeded}" aria-label="succeeded, [^"]+, [\\d,]+ rows in`),
  );
  match(page, /days by the clock of Paris/);
  equal((await html(await get("/pipelines/board_pack"))).includes('id="history"'), false);
});

Deno.test("what is not there has a page, but not under /api", async () => {
  const { get } = pagesFor("viewer");
  for (const path of ["/nowhere", "/runs/none", "/pipelines/none", "/runs/none/log"]) {
    const response = await get(path);
    equal(response.status, 404, path);
    match(await html(response), /Nothing here/);
  }
  equal(await (await get("/api/nowhere")).text(), "not a page");
});

Deno.test("an error of ours shows its request id to the reader and itself to the operator", async () => {
  const engine = createFakeProject();
  engine.listPipelines = () => Promise.reject(new Error("the disk is on fire"));
  const { get, logged } = pagesFor("viewer", engine);
  const response = await get("/");
  equal(response.status, 500);
  const text = await html(response);
  equal(text.includes("fire"), false);
  ok(text.includes(`<code>${response.headers.get("x-request-id")}</code>`));
  match(logged.join(), /Cannot answer GET \/: the disk is on fire/);
});

Deno.test("assets are named by their content and may be kept for ever", async () => {
  const { get } = pagesFor(undefined);
  const login = await html(await get("/login"));
  const paths = [...login.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g)].map((found) => found[1] ?? "");
  equal(paths.length, 3);
  const types: string[] = [];
  for (const path of paths) {
    const response = await get(path);
    equal(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
    notEqual((await response.text()).length, 0);
    types.push(response.headers.get("content-type")?.split(";")[0] ?? "");
  }
  deepEqual(types.sort(), ["image/svg+xml", "text/css", "text/javascript"]);
  equal((await get("/static/style.000000000000.css")).status, 404);
});

Deno.test("a backfill's page shows how far it is, and offers a retry and a cancel to those who may", async () => {
  const path = "/backfills/orders%20of%20%3Cspring%3E";
  const text = await html(await pagesFor("operator").get(path));
  match(text, /2 of 3 windows done, 1 failed; about 9\.0 s left/);
  match(text, /aria-label="failed, 2013-01-02 00:00:00 UTC/);
  match(text, /Retry failed/);
  equal((await html(await pagesFor("viewer").get(path))).includes("Retry failed"), false);
  equal((await pagesFor("operator").post(`${path}/cancel`)).status, 303);
  equal((await pagesFor("viewer").post(`${path}/retry`)).status, 403);
  equal((await pagesFor("viewer").get("/backfills/none")).status, 404);
});

Deno.test("a run that has ended is rerun from a step, as a run of its own", async () => {
  const { get, post, engine } = pagesFor("operator");
  match(await html(await get(`/runs/${RUN_IDS.failed}`)), /<option value="[^"]+">from /);
  equal((await html(await get(`/runs/${RUN_IDS.running}`))).includes("Rerun"), false);
  const response = await post(`/runs/${RUN_IDS.failed}/rerun`, { from: "model:daily" });
  equal(response.status, 303);
  const id = response.headers.get("location")?.split("/").at(-1) ?? "";
  const run = await engine.getRun(id);
  deepEqual([run.trigger, run.parent, run.select], ["rerun", RUN_IDS.failed, "model:daily+"]);
});

Deno.test("a run is replayed on its page where its inputs are kept, and else the page says why not", async () => {
  const { get, post, engine } = pagesFor("operator");
  const path = `/runs/${RUN_IDS.failed}`;
  const without = await html(await get(path));
  match(without, /It cannot be replayed: its inputs were not kept\./);
  equal(without.includes(`${path}/replay`), false);
  const diff = {
    ...NO_TABLE_DIFF,
    rows_before: 2,
    rows_after: 2,
    added: 1,
    removed: 1,
    sample_added: [["<b>"]],
  };
  engine.replayed = {
    outcome: "differs",
    models: [
      { model: "stg", outcome: "same", reason: null, likely: [], diff: { ...diff, added: 0, removed: 0 } },
      { model: "daily", outcome: "differs", reason: null, likely: ["it calls random()"], diff },
      { model: "geo", outcome: "unknown", reason: "it calls the script s.ts", likely: [], diff: null },
    ],
  };
  match(await html(await get(path)), new RegExp(`action="${path}/replay#replay-title"`));
  const response = await post(`${path}/replay`);
  equal(response.status, 200);
  const page = await html(response);
  match(page, /Of 3 models 1 came out the same, 1 differs, 1 cannot be told\./);
  match(page, /1 added, 1 removed, as whole rows\n {2}\+ &lt;b&gt;/);
  match(page, /perhaps: it calls random\(\)/);
  match(page, /it calls the script s\.ts/);
  const viewer = pagesFor("viewer");
  viewer.engine.replayed = {};
  equal((await html(await viewer.get(path))).includes(`${path}/replay`), false);
  equal((await viewer.post(`${path}/replay`)).status, 403);
});

Deno.test("a run's note and tags are written on its page, and runs are found by a tag", async () => {
  const { get, post } = pagesFor("operator");
  const path = `/runs/${RUN_IDS.failed}`;
  equal((await post(`${path}/annotate`, { note: "<late>", tags: "audit q1" })).status, 303);
  const run = await html(await get(path));
  match(run, /Note<\/dt><dd>&lt;late&gt;/);
  match(run, /href="\/runs\?tag=audit">audit</);
  match(await html(await get("/runs?tag=q1")), new RegExp(`href="/runs/${RUN_IDS.failed}"`));
  equal((await html(await get("/runs?tag=none"))).includes(RUN_IDS.failed), false);
  equal((await post(`${path}/annotate`, { note: "", tags: "no,-way" })).status, 400);
});

Deno.test("every page says why no run begins, to who has signed in", async () => {
  const { get, engine } = pagesFor("viewer");
  equal((await html(await get("/runs"))).includes("No run begins"), false);
  engine.server.lowDisk = "the disk of /data has 3 MB left & <more>";
  for (const path of ["/", "/runs", "/problems", "/pipelines/flights"]) {
    match(
      await html(await get(path)),
      /No run begins<[^]*the disk of \/data has 3 MB left &amp; &lt;more&gt;/,
    );
  }
  const nobody = pagesFor(undefined, engine);
  equal((await html(await nobody.get("/login"))).includes("No run begins"), false);
});

Deno.test("a webhook's page shows what was posted to who may see rows, and drops what waits", async () => {
  const { engine, get, post } = pagesFor("operator");
  const at = "2026-01-01T00:00:00.000Z";
  engine.webhooks.add("flights", {
    name: "live",
    signature: "github",
    address: "/hooks/flights/live",
    streams: ["live"],
    waiting: 1,
    waiting_bytes: 10,
    waiting_since: at,
    accepted_at: at,
    refused_at: at,
    refused_why: "<b>not signed</b>",
  }, [{ post: 7, state: "waiting", received_at: at, size_bytes: 10, content_type: "<i>", dropped_by: null }]);
  const path = "/pipelines/flights/webhooks/live";
  match(await html(await get("/pipelines/flights")), new RegExp(`href="${path}"`));
  const page = await html(await get(path));
  match(page, /POST \/hooks\/flights\/live/);
  match(page, /&lt;b&gt;not signed/);
  match(page, new RegExp(`action="${path}/posts/7/drop"`));
  const body = await get(`${path}/posts/7`);
  deepEqual(
    [body.headers.get("content-type"), body.headers.get("content-disposition"), await body.text()],
    ["application/octet-stream", 'attachment; filename="post-7"', '{"post":7}'],
  );
  equal((await post(`${path}/posts/7/drop`)).status, 303);
  equal((await engine.webhooks.posts("flights", "live", {}))[0]?.dropped_by, "the operator");
  equal((await post(`${path}/posts/7/drop`)).status, 409);
  equal((await pagesFor("viewer").get(path)).status, 403);
  equal((await get("/pipelines/flights/webhooks/none")).status, 404);
});

Deno.test("a backfill is started from the page once its windows were shown", async () => {
  const { engine, get, post } = pagesFor("operator");
  const path = "/pipelines/flights/backfills";
  match(await html(await get("/pipelines/flights")), new RegExp(`href="${path}"`));
  match(await html(await get(path)), /name="every"[^]*No backfills yet/);
  const asked = {
    from: "2026-01-01",
    to: "2026-01-13T12:00",
    every: "1d",
    "param.threshold": "20",
    "param.region": "eu",
    window_only: "yes",
    note: "once <more>",
  };
  const shown = await html(await post(path, asked));
  match(shown, /13 windows<[^]*threshold = 20[^]*2026-01-01 → 2026-01-02[^]*3 more[^]*Start 13 runs/);
  deepEqual(
    await engine.backfills.list({ pipeline: "flights" }),
    [],
    "nothing is started before it was shown",
  );
  const edited = await html(await post(path, { ...asked, step: "edit" }));
  match(edited, /value="2026-01-13T12:00"[^]*value="once &lt;more&gt;"/);
  const started = await post(path, { ...asked, step: "start" });
  equal(started.status, 303);
  const [backfill] = await engine.backfills.list({ pipeline: "flights" });
  deepEqual([backfill?.total, backfill?.triggered_by], [13, "the operator"]);
  equal(started.headers.get("location"), `/backfills/${backfill?.group}`);
  match(await html(await get(path)), new RegExp(`0 of 13[^]*action="/backfills/${backfill?.group}/cancel"`));
  for (const wrong of [{ to: "2025-01-01" }, { every: "soon" }, { "param.threshold": "few" }]) {
    const refused = await post(path, { ...asked, ...wrong });
    equal(refused.status, 400);
    match(await html(refused), /role="alert"[^]*value="once &lt;more&gt;"/);
  }
  const viewer = pagesFor("viewer");
  equal((await html(await viewer.get(path))).includes('name="every"'), false);
  equal((await viewer.post(path, { ...asked, step: "start" })).status, 403);
});

Deno.test("versions are listed with what each changed, and whoever may edit goes back to one", async () => {
  const { engine, get, post } = pagesFor("engineer");
  const path = "/pipelines/flights/versions";
  match(await html(await get("/pipelines/flights")), new RegExp(`href="${path}"`));
  engine.versions.version = { ...engine.versions.version, in_force: false };
  const { revision } = engine.versions.version;
  const listed = await html(await get(path));
  match(listed, new RegExp(`href="${path}/${revision}"[^]*Count orders &lt;by day&gt;[^]*Ann`));
  const one = await html(await get(`${path}/${revision}`));
  match(one, /daily\.sql[^]*class="line removed">-SELECT 1\n[^]*class="line added">\+SELECT 2\n/);
  match(one, new RegExp(`action="/pipelines/flights/rollback"[^]*value="${revision}"`));
  match(
    one,
    /Models <span class="count">2<\/span>[^]*breaking[^]*>daily&lt;b&gt;<[^]*~ changed[^]*~ column total BIGINT → INTEGER/,
  );
  match(
    one,
    /breaking: column total was BIGINT and is INTEGER[^]*the next run builds it anew[^]*weekly[^]*not known[^]*reads daily/,
  );
  match(
    one,
    /schedule <span class="muted">setting<[^]*cron: &quot;0 2 \* \* \*&quot; → &quot;&lt;b&gt;&quot;/,
  );
  match(one, /sluice plan flights --against c{8}/);
  await get(`${path}/${revision}?against=dddd`);
  deepEqual(engine.versions.asked, [{ plan: true }, { plan: true, against: "dddd" }]);
  const back = await post("/pipelines/flights/rollback", { revision });
  deepEqual([back.status, back.headers.get("location")], [303, path]);

  const viewer = pagesFor("viewer");
  equal((await html(await viewer.get(`${path}/${revision}`))).includes("/rollback"), false);
  equal((await viewer.post("/pipelines/flights/rollback", { revision })).status, 403);
});

Deno.test("the page of a promotion says what is taken over and why the rest is built, and whoever may apply promotes", async () => {
  const { engine, get, post } = pagesFor("engineer");
  const flights = await engine.getPipeline("flights");
  engine.addPipeline({ ...flights, name: "flights@dev", environment: "dev" });
  const path = "/pipelines/flights%40dev/promotion";
  match(await html(await get("/pipelines/flights@dev")), new RegExp(`href="${path}"`));
  const page = await html(await get(path));
  match(
    page,
    /daily[^]*taken over[^]*3 rows of dev[^]*&lt;recent&gt;[^]*built by the next run[^]*it calls now\(\)/,
  );
  match(page, new RegExp(`action="${path}"`));
  const done = await post(path, {});
  deepEqual([done.status, done.headers.get("location")], [303, "/pipelines/flights"]);
  deepEqual(engine.environments.promoted.map(({ request }) => request?.pipelines), [["flights"]]);
  equal((await get("/pipelines/flights/promotion")).status, 404);

  const viewer = pagesFor("viewer");
  equal((await viewer.get(path)).status, 403);
  equal((await viewer.post(path, {})).status, 403);
});

Deno.test("the page of published data has sizes, columns, examples, and downloads for who may look at rows", async () => {
  const { engine, get } = pagesFor("operator");
  const flights = await engine.getPipeline("flights");
  engine.addPipeline({ ...flights, definition: { ...flights.definition, publish: ["daily", "later"] } });
  engine.data.snapshots = [{
    id: "01J00000000000000000000000",
    pipeline: "flights",
    model: "daily",
    run: RUN_IDS.succeeded,
    published_at: new Date(NOW).toISOString(),
    rows: 1_234,
    size_bytes: 5_678,
    columns: [{ name: "<b>", type: "DECIMAL(18,2)" }],
    encrypted: false,
  }];
  match(await html(await get("/pipelines/flights")), /href="\/pipelines\/flights\/data">2 models</);
  const page = await html(await get("/pipelines/flights/data"));
  match(page, /1,234[^]*5\.68 kB[^]*&lt;b&gt;[^]*DECIMAL\(18,2\)/);
  match(page, /href="\/api\/data\/flights\/daily\?format=csv" download="flights\.daily\.csv"/);
  match(
    page,
    /curl -H [^]*\/api\/data\/flights\/daily\?limit=100[^]*connector: sluice, stream: flights\.daily/,
  );
  match(page, /later[^]*not yet: a run publishes it/);

  const viewer = pagesFor("viewer");
  viewer.engine.data.snapshots = engine.data.snapshots;
  viewer.engine.addPipeline({ ...flights, definition: { ...flights.definition, publish: { daily: {} } } });
  const seen = await html(await viewer.get("/pipelines/flights/data"));
  match(seen, /1,234/);
  equal(seen.includes("download="), false);
});

Deno.test("the lineage page draws tables with their columns, and the ways of the column that is chosen", async () => {
  const { get } = pagesFor("viewer");
  const path = "/pipelines/flights/lineage";
  match(await html(await get("/pipelines/flights")), new RegExp(`href="${path}"`));
  const whole = await html(await get(path));
  match(whole, /class="node-name"[^>]*>raw\.orders<[^]*class="lineage-name"[^>]*>&lt;day&gt;</);
  match(whole, /way-aggregated" d="M[\d.]+ [\d.]+C[^"]+" data-from="raw\.orders" data-to="main\.daily"/);
  match(whole, /odd: not known: the columns of odd\(…\) are not known/);
  equal(whole.includes('class="graph lineage"'), true);

  const chosen = await html(await get(`${path}?table=main.daily&column=revenue`));
  match(chosen, /class="graph lineage has-selection"/);
  match(chosen, /Made of[^]*table=raw\.orders&amp;column=amount">raw\.orders\.amount<\/a>[^]*aggregated/);
  match(chosen, /Goes into[^]*daily\.parquet\.revenue<\/a>/);
  const marked = [...chosen.matchAll(/class="lineage-column on-way[^"]*"><title>([^<]*)</g)].map(([, name]) =>
    name
  );
  // What is made of it in odd nobody knows.
  deepEqual(marked, ["amount INTEGER", "amount INTEGER", "revenue HUGEINT", "x INTEGER", "revenue HUGEINT"]);

  const around = await html(await get(`${path}?model=daily`));
  equal(around.includes(">odd<"), true);
  equal(around.includes("Lineage of daily"), true);
  equal((await get(`${path}?model=nobody`)).status, 404);
  equal((await get(`${path}?model=daily&column=nothing`)).status, 404);
});
