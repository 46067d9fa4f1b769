import { deepEqual, equal, match, ok } from "node:assert/strict";
import { LocalServer, startApi } from "../../support/api_bench.ts";
import { apiProject, linesOf, LOOPBACK_POLICY, runUnderPolicy } from "../../support/api_project.ts";
import { Served } from "../../support/served_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Endpoints through whole runs, with the permissions that a run has. */

Deno.test("an incremental endpoint asks for what is new, and merges it", async () => {
  const rows = [1, 2, 3].map((id) => ({ id, name: `n${id}`, at: `2026-01-0${id}T10:00:00.5Z` }));
  await using api = await startApi((url) => {
    const since = url.searchParams.get("since") ?? "";
    return { data: rows.filter(({ at }) => at >= since.replace("Z", "")) };
  });
  await using made = await apiProject(
    api.url,
    `
extract:
  t:
    connector: api
    endpoint: { path: items, incremental: { start_param: since, initial_value: "2000-01-01T00:00:00Z" } }
    mode: incremental
    primary_key: [id]
    update_key: at
load:
  t: { connector: files, path: out/t.csv }
`,
  );
  for (
    const change of [
      () => {},
      () => void rows.splice(2, 1, { id: 3, name: "new", at: "2026-01-09T00:00:00Z" }),
    ]
  ) {
    change();
    const { code, stdout, stderr } = await runUnderPolicy(made);
    equal(code, 0, stdout + stderr);
  }
  // The check's own look comes first.
  deepEqual(api.asked.at(-2), "/v1/items?since=2000-01-01T00%3A00%3A00Z");
  deepEqual(api.asked.at(-1), "/v1/items?since=2026-01-03T10%3A00%3A00Z");
  deepEqual((await linesOf(made, "t")).map((line) => line.split(",").slice(0, 2).join()), [
    "id,name",
    "1,n1",
    "2,n2",
    "3,new",
  ]);
});

Deno.test("a child is read for each row of its parent, whatever the order they are written in", async () => {
  await using api = await startApi((url) => {
    if (url.pathname === "/v1/users") return { users: [1, 2, 3].map((id) => ({ id, name: `a b/${id}` })) };
    const [, , , id, of] = url.pathname.split("/");
    if (id === "2") return new Response("{}", { status: 404 });
    return [{ of, q: url.searchParams.get("q"), n: Number(id) * 10 }];
  });
  await using made = await apiProject(
    api.url,
    `
extract:
  posts:
    connector: api
    endpoint:
      path: users/{resources.users.id}/posts
      params: { q: "{resources.users.name}" }
      include_from_parent: [id, name]
      response_actions: [{ status_code: 404, action: ignore }]
  users: { connector: api, endpoint: users }
load:
  posts: { connector: files, path: out/posts.csv }
`,
  );
  const { code, stdout, stderr } = await runUnderPolicy(made);
  equal(code, 0, stdout + stderr);
  deepEqual((await linesOf(made, "posts")).toSorted(), [
    "1,a b/1,posts,a b/1,10",
    "3,a b/3,posts,a b/3,30",
    "_users_id,_users_name,of,q,n",
  ]);
  const only = await runUnderPolicy(made, "p", ["--select", "raw.posts"]);
  equal(only.code, 0, only.stdout + only.stderr);
});

Deno.test("a token is asked for once for all streams, and anew where it is refused", async () => {
  let given = 0;
  let good = "";
  const forms: string[] = [];
  await using api = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      if (request.url === "/token") {
        forms.push(body);
        good = `token-${++given}`;
        response.end(JSON.stringify({ access_token: good, expires_in: 3600 }));
      } else if (request.headers.authorization !== `Bearer ${good}`) response.writeHead(401).end("{}");
      else {
        const page = Number(new URL(request.url ?? "", "http://x").searchParams.get("page"));
        // Taken back in the middle of the pages.
        if (page === 1 && given === 1) good = "another";
        response.end(JSON.stringify(page < 3 ? [{ id: page }] : []));
      }
    });
  });
  await using made = await apiProject(
    api.url,
    `
extract:
  a: { connector: api, endpoint: { path: a, paginator: { type: page_number } } }
  b: { connector: api, endpoint: { path: b, paginator: { type: page_number } } }
load:
  a: { connector: files, path: out/a.csv }
  b: { connector: files, path: out/b.csv }
`,
    `, auth: { type: oauth2_client_credentials, access_token_url: "${api.url}/token", client_id: me, client_secret: "\${env:TOKEN}", access_token_request_data: { scope: read } }`,
  );
  const { code, stdout, stderr } = await runUnderPolicy(made);
  equal(code, 0, stdout + stderr);
  deepEqual(await linesOf(made, "a"), ["id", "0", "1", "2"]);
  deepEqual(await linesOf(made, "b"), ["id", "0", "1", "2"]);
  equal(forms[0], "grant_type=client_credentials&client_id=me&client_secret=s3cr3t-token&scope=read");
  // The check's process has its own.
  ok(given <= 3, `${given}`);
  ok(!(stdout + stderr).includes("s3cr3t-token"));
});

Deno.test("a private address is refused before anything is asked, and says what allows it", async () => {
  await using api = await startApi(() => [{ id: 1 }]);
  await using made = await apiProject(
    api.url,
    "extract:\n  t: { connector: api, endpoint: items }\nload:\n  t: { connector: files, path: out/t.csv }\n",
  );
  const { code, stderr } = await made.sluice("run", ["p"]);
  equal(code, 2);
  match(
    stderr,
    /pipelines\/p\.yaml:2:3: Connector "api", stream "t": may not connect to 127\.0\.0\.1:\d+: it is this machine; .*private_hosts_allow/,
  );
  deepEqual(api.asked, []);
});

Deno.test("a test of an API signs in as its endpoints do, and tells what the server says", async () => {
  await using api = await LocalServer.http((request, response) => {
    if (request.url === "/token") response.end('{"access_token":"good"}');
    else if (request.headers.authorization === "Bearer good") response.writeHead(404).end("{}");
    else response.writeHead(request.url?.includes("key=good") === true ? 200 : 401).end("{}");
  });
  const oauth = (path: string) =>
    `{ type: oauth2_client_credentials, access_token_url: "${api.url}/${path}", client_id: a, client_secret: b }`;
  const key = (value: string) => `{ type: api_key, name: key, location: query, api_key: ${value} }`;
  const entries = { good: oauth("token"), lost: oauth("nowhere"), key: key("good"), wrong: key("bad") };
  await using made = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": Object.entries(entries).map(([name, auth]) =>
      `${name}: { type: http, base_url: "${api.url}/v1", auth: ${auth} }\n`
    ).join(""),
  });
  const env = { SLUICE_POLICY: `${made.projectDir}/policy.yaml` };
  for (
    const [name, code, words] of [
      ["good", 0, /connect +ok/],
      ["lost", 1, /connect +failed +Cannot get a token from http.*nowhere: the server answered 401/],
      ["key", 0, /connect +ok/],
      ["wrong", 1, /connect +failed +GET http.*answered 401.*check auth/],
    ] as const
  ) {
    const outcome = await made.sluice("connectors", ["test", name], env);
    equal(outcome.code, code, outcome.stdout + outcome.stderr);
    match(outcome.stdout, words);
  }
});

Deno.test("what an endpoint cannot be is said by check, with its place", async () => {
  await using made = await apiProject(
    "https://api.example",
    `
extract:
  a: { connector: api, endpoint: { path: x, method: GET, json: { a: 1 } } }
  b: { connector: api, endpoint: { path: "{resources.nobody.id}" } }
  c: { connector: api, endpoint: { path: "{resources.d.id}" } }
  d: { connector: api, endpoint: { path: "{resources.c.id}" } }
  e: { connector: api, endpoint: x, path: y }
  f: { connector: api, endpoint: { path: x, paginator: { type: pages } } }
  g: { connector: api, endpoint: { path: x, data_selector: "a[?b" } }
`,
  );
  const { code, stdout, stderr } = await made.sluice("check", ["--offline"]);
  equal(code, 2);
  const said = stdout + stderr;
  for (
    const words of [
      /:3:.*a GET has no body/,
      /:4:.*there is no stream nobody/,
      /:5:.*c and d wait for each other/,
      /:6:.*d and c wait for each other/,
      /:7:.*expected exactly one of path and endpoint/,
      /:8:.*expected one of auto, single_page, json_link/,
      /:9:.*expected a way down through keys, as data\.items, or an expression of JMESPath/,
    ]
  ) match(said, words);
});

Deno.test("two pipelines keep to one rate together", async () => {
  const times: number[] = [];
  await using api = await startApi((_url, count) => {
    times.push(performance.now());
    return [{ id: count }];
  });
  const pipeline = (name: string) =>
    `extract:\n  t: { connector: api, endpoint: { path: "${name}", paginator: { type: page_number, maximum_page: 5 } } }\n`;
  const folder = await Deno.makeTempDir({ prefix: "sluice-policy-" });
  try {
    await Deno.writeTextFile(`${folder}/policy.yaml`, LOOPBACK_POLICY);
    await using served = await Served.start({
      "connectors.yaml":
        `api: { type: http, base_url: "${api.url}", rate_limit: { requests: 2, per: 200ms } }\n`,
      "pipelines/one.yaml": pipeline("one"),
      "pipelines/two.yaml": pipeline("two"),
    }, { SLUICE_POLICY: `${folder}/policy.yaml` });
    await Promise.all(["one", "two"].map((name) => served.succeed(name)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  ok(times.length >= 12, `${times.length}`);
  // Without the limit they take a tenth of that.
  ok((times.at(-1) ?? 0) - (times[0] ?? 0) > 700, times.map(Math.round).join());
});
