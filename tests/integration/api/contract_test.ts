import { deepStrictEqual, equal } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import type { BackfillDetail } from "../../../contract/backfills/backfill.ts";
import type { Problem } from "../../../contract/alerts/problem.ts";
import { LOOPBACK_POLICY } from "../../support/api_project.ts";
import { Served } from "../../support/served_project.ts";
import { TOKEN, waitFor } from "../../support/sluice_server.ts";
import { SCHEMATHESIS } from "../../runner/schemathesis.ts";

/** The API checked from outside, by what /openapi.json says of it, with valid and invalid requests to every operation. */

const HOOK = "s3cret-of-the-hook";

const FILES = {
  "notifiers.yaml": 'hook: { type: webhook, url: "http://127.0.0.1:9/refused" }\n',
  "pipelines/orders.yaml": `params: { region: { type: string, default: eu } }
extract:
  orders: { connector: shop, stream: orders, max_rejects: 5, checks: [{ row_count: { min: 1 } }] }
transform: orders
load:
  daily:
    - { connector: files, path: out/daily.csv, mode: replace }
notify: [{ on: [success], to: hook }]
`,
  "transforms/orders/daily.sql": "SELECT note, sum(amount) AS amount FROM raw.orders GROUP BY note\n",
  "pipelines/strict.yaml": "extract:\n  orders: { connector: shop, stream: orders }\n",
  // Of its own: a failed run can be retried while it is the newest.
  "pipelines/failing.yaml": "extract:\n  orders: { connector: shop, stream: orders }\n",
  "pipelines/posted.yaml": `webhooks: { orders: { secret: "\${secret:HOOK}" } }
extract:
  orders: { webhook: orders }
`,
  "pipelines/slow_1.yaml": "extract:\n  items: { connector: slow, endpoint: items }\n",
  "pipelines/slow_2.yaml": "extract:\n  items: { connector: slow, endpoint: items }\n",
};

/** Takes connections and says nothing: a run that reads from it goes on without work for a processor. */
function startSilence(): Disposable & { readonly url: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: Deno.Conn[] = [];
  void (async () => {
    for await (const connection of listener) taken.push(connection);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.dispose]() {
      listener.close();
      for (const connection of taken) connection.close();
    },
  };
}

/** A table with a row that does not fit. */
async function shopFile(): Promise<Uint8Array> {
  const path = await Deno.makeTempFile({ prefix: "sluice-shop-" });
  try {
    {
      using database = new DatabaseSync(path);
      database.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, note TEXT);
        INSERT INTO orders VALUES (1, 10, 'a'), (2, 'ten', 'b'), (3, 30, 'c');`);
    }
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

const MINE = { definition: { transform: "mine" }, models: { "m.sql": "SELECT 1 AS a" } };
const DAYS = { from: "2026-01-01", to: "2026-01-03", every: "1d", group: "year" };

/** Bodies that are more than what their schemas say. */
const BODIES: Readonly<Record<string, unknown>> = {
  putPipeline: MINE,
  planProject: { files: [{ path: "pipelines/mine.yaml", content: "extract: {}" }], rows: {} },
  startBackfill: DAYS,
  startVerification: {},
  createToken: { name: "another", role: "viewer" },
  grant: { holder: "mia", role: "operator" },
  inviteUser: { name: "pat", email: "pat@example.com", role: "viewer" },
  linkIdentity: { issuer: "https://accounts.example.com", subject: "mia" },
  setPassword: { password: "four words that nobody says" },
  putSecret: { value: "s3cret-of-the-store" },
  revoke: { holder: "kim" },
};

/** Of each kind of thing one that is there. */
interface Known {
  readonly ended: string;
  readonly failed: string;
  readonly queued: string;
  readonly problem: string;
  readonly otherToken: string;
  readonly ownToken: string;
  readonly ownUser: string;
  readonly session: string;
  readonly identity: string;
}

/** Runs in each state, rejects, a problem, what was sent, a backfill, a token, people, and a pipeline that came by the API. */
async function fill(served: Served): Promise<Known> {
  const { server } = served;
  const ended = await served.succeed("orders");
  const failed = await served.runToEnd("failing");
  equal(failed.state, "failed");
  await server.call("PUT", "/api/pipelines/mine", MINE);
  const endless = await Promise.all(["slow_1", "slow_2"].map((name) => server.trigger(name)));
  await Promise.all(endless.map(({ id }) => served.untilRunning(id, "extract:items")));
  // From here on nothing begins: the server has room for two.
  const queued = await server.trigger("strict");
  await server.call<BackfillDetail>("POST", "/api/pipelines/strict/backfills", DAYS);
  const posted = await server.request("POST", "/hooks/posted/orders", {
    body: [{ id: 1 }],
    headers: { Authorization: `Bearer ${HOOK}` },
  });
  equal(posted.status, 202, await posted.text());
  const tokens = () => server.call<{ id: string; name: string }[]>("GET", "/api/tokens");
  const ownToken = (await tokens()).find(({ name }) => name === "SLUICE_TOKEN")?.id ?? "";
  const { id: otherToken } = await server.call<{ id: string }>("POST", "/api/tokens", {
    name: "other",
    role: "viewer",
  }, [201]);
  const { id: ownUser } = await server.call<{ id: string }>("GET", "/api/users/SLUICE_TOKEN");
  for (const name of ["mia", "leo", "kim"]) {
    await server.call("POST", "/api/users", { name, role: "viewer" }, [201]);
  }
  const { id: identity } = await server.call<{ id: string }>("POST", "/api/users/leo/identities", {
    issuer: "https://accounts.example.com",
    subject: "leo",
  }, [201]);
  for (const name of ["team", "spare"]) await server.call("POST", "/api/groups", { name }, [201]);
  await server.call("PUT", "/api/groups/team/members/kim");
  await server.call("PUT", "/api/roles/spare", { permissions: ["notifier:test"] });
  const signIn = await fetch(`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: TOKEN }),
    redirect: "manual",
  });
  await signIn.body?.cancel();
  const [session] = await server.call<{ id: string }[]>("GET", "/api/sessions");
  const problem = await waitFor(
    async () => (await server.call<Problem[]>("GET", "/api/problems"))[0]?.id,
    20_000,
  );
  return {
    ended: ended.id,
    failed: failed.id,
    queued: queued.id,
    problem: problem ?? "",
    otherToken,
    ownToken,
    ownUser,
    session: session?.id ?? "",
    identity,
  };
}

const documentSchema = v.looseObject({
  paths: v.record(
    v.string(),
    v.record(
      v.string(),
      v.looseObject({
        operationId: v.string(),
        parameters: v.array(v.looseObject({ name: v.string(), in: v.string() })),
        requestBody: v.exactOptional(
          v.looseObject({
            content: v.record(v.string(), v.looseObject({ example: v.exactOptional(v.unknown()) })),
          }),
        ),
        responses: v.record(v.string(), v.unknown()),
      }),
    ),
  ),
});
type Document = v.InferOutput<typeof documentSchema>;

/** The document with values for the parts of paths that reach something. */
function withExamples(document: Document, known: Known): Document {
  const ofPath = (path: string, method: string, name: string): string | number | undefined => {
    if (name === "stream") return "orders";
    if (name === "check") return "raw.orders.row_count";
    if (name === "table") return "raw.orders";
    if (name === "webhook") return "orders";
    if (name === "post") return 1;
    if (path.includes("/webhooks")) return "posted";
    if (name === "role") return "spare";
    if (name === "group") return path.endsWith("{group}") ? "spare" : "team";
    if (name === "user") {
      if (method !== "delete") return "mia";
      return path.startsWith("/api/users/") ? "leo" : "kim";
    }
    if (path.startsWith("/api/users/")) return known.identity;
    if (path.startsWith("/api/sessions/")) return known.session;
    // With a run in its queue nothing of a pipeline can be verified or replayed.
    if (path === "/api/pipelines/{name}/runs" || path === "/api/pipelines/{name}/backfills") return "strict";
    if (path === "/api/pipelines/{name}") return method === "get" ? "orders" : "mine";
    if (path.startsWith("/api/pipelines/")) return "orders";
    if (path.startsWith("/api/connectors/")) return "shop";
    if (path.startsWith("/api/notifiers/")) return "hook";
    if (path.startsWith("/api/problems/")) return known.problem;
    if (path.startsWith("/api/backfills/")) return "year";
    if (path.startsWith("/api/tokens/")) return known.otherToken;
    if (path.startsWith("/api/secrets/")) return "SPARE";
    if (path.endsWith("/retry") || path.endsWith("/rerun")) return known.failed;
    if (path.endsWith("/cancel")) return known.queued;
    return path.startsWith("/api/runs/") ? known.ended : undefined;
  };
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { operationId, parameters, requestBody }] of Object.entries(methods)) {
      const json = requestBody?.content["application/json"];
      if (json !== undefined && Object.hasOwn(BODIES, operationId)) json.example = BODIES[operationId];
      for (const parameter of parameters) {
        const example = parameter.in === "path" ? ofPath(path, method, parameter.name) : undefined;
        if (example !== undefined) parameter["example"] = example;
      }
    }
  }
  return document;
}

const OF_A_PERSON = "who asks is a service; own_account_test and second_factor_test ask as people";

/** Operations whose success is not reached, and why. */
const NOT_REACHED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      "PUT /api/account/password",
      "DELETE /api/account/sessions/{id}",
      "POST /api/account/tokens",
      "POST /api/account/tokens/{id}/rotate",
      "DELETE /api/account/tokens/{id}",
      "POST /api/account/factors/totp",
      "DELETE /api/account/factors/totp",
      "POST /api/account/factors/totp/confirm",
      "POST /api/account/factors/recovery-codes",
      "POST /api/account/factors/passkeys",
      "POST /api/account/factors/passkeys/options",
      "PATCH /api/account/factors/passkeys/{id}",
      "DELETE /api/account/factors/passkeys/{id}",
    ].map((operation) => [operation, OF_A_PERSON]),
  ),
  "POST /hooks/{pipeline}/{name}": "takes its own secret; it has tests of its own",
  "GET /api/data/{name}/{model}": "nothing is published; tests/integration/published/data_test.ts reads it",
  "POST /api/pipelines/{name}/preview":
    "its pipelines have no models; tests/integration/models/preview_test.ts asks",
  "POST /api/runs/{id}/replay": "nothing is kept; tests/integration/versions/replay_test.ts replays",
  ...Object.fromEntries(
    [
      "POST /api/environments",
      "POST /api/environments/{name}/promote",
      "GET /api/environments/{name}/promotion",
      "DELETE /api/environments/{name}",
    ].map((
      operation,
    ) => [
      operation,
      "the project has no environment; tests/integration/environments/environments_test.ts has some",
    ]),
  ),
  "DELETE /api/pipelines/{name}/verification": "none goes on when it is asked; it has tests of its own",
};

/** Operations that other requests of Schemathesis' may have kept from succeeding by then. */
const SOMETIMES: Readonly<Record<string, string>> = {
  "POST /api/runs/{id}/retry": "a run that was asked for meanwhile is newer",
  "DELETE /api/groups/{group}/members/{user}": "the user or the group may be gone",
  "DELETE /api/users/{user}/identities/{id}": "the user may be gone",
  "POST /api/pipelines/{name}/rollback": "no other revision may have been in force",
  "POST /api/query": "a text made up is seldom SQL; tests/integration/queries/query_test.ts asks",
  "POST /api/environments/{name}/apply":
    "only what is asked for without a ref and without pipelines can be applied",
};

Deno.test("the API does what /openapi.json says, by Schemathesis", async () => {
  using silence = startSilence();
  const policy = await Deno.makeTempFile({ prefix: "sluice-policy-" });
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => Deno.remove(policy));
  await Deno.writeTextFile(policy, LOOPBACK_POLICY);
  await using served = await Served.start({
    ...FILES,
    "shop.db": await shopFile(),
    "connectors.yaml": `shop: { type: sqlite, path: shop.db }
files: { type: file }
slow: { type: http, base_url: "${silence.url}", timeout: 600 }
`,
  }, { SLUICE_POLICY: policy, SLUICE_TRUST_PROXY: "1", SLUICE_SECRET_HOOK: HOOK });
  const known = await fill(served);
  const document = v.parse(documentSchema, await served.server.call("GET", "/openapi.json"));
  const { folder } = served.project;
  await Deno.writeTextFile(`${folder}/openapi.json`, JSON.stringify(withExamples(document, known)));
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.env.get(SCHEMATHESIS) ?? "schemathesis", {
    args: [
      ...["--config-file", here("schemathesis.toml"), "run", `${folder}/openapi.json`],
      ...["--url", served.server.url, "--header", `Authorization: Bearer ${TOKEN}`],
      ...["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "3"],
    ],
    cwd: folder,
    env: {
      SCHEMATHESIS_HOOKS: "hooks",
      PYTHONPATH: here("."),
      PYTHONDONTWRITEBYTECODE: "1",
      CONTRACT_SETTING: JSON.stringify({
        token: known.ownToken,
        users: [known.ownUser, "SLUICE_TOKEN"],
        ended: known.ended,
        statuses: `${folder}/statuses.json`,
      }),
    },
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  equal(code, 0, said);
  const statuses: Record<string, Record<string, number>> = JSON.parse(
    await Deno.readTextFile(`${folder}/statuses.json`),
  );
  const missed: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      const operation = `${method.toUpperCase()} ${path}`;
      const success = Object.keys(responses).find((status) => status.startsWith("2")) ?? "";
      if ((statuses[operation]?.[success] ?? 0) === 0) missed.push(operation);
    }
  }
  const answered = missed.map((operation) => `${operation}: ${JSON.stringify(statuses[operation] ?? {})}`);
  const expected = [
    ...Object.keys(NOT_REACHED),
    ...Object.keys(SOMETIMES).filter((one) => missed.includes(one)),
  ];
  const told = `${said}\nAnswers of what did not succeed:\n${answered.join("\n")}`;
  deepStrictEqual(missed.toSorted(), expected.toSorted(), told);
});
