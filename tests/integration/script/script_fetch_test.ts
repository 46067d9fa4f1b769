import { deepEqual, equal } from "node:assert/strict";
import { LocalServer } from "../../support/api_bench.ts";
import { linesOf, LOOPBACK_POLICY, runUnderPolicy } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** What a script asks of others: ctx.fetch, by the hosts that its stream names. Each stream is a case. */

const BIG = 3_000_000;

const RIGHT: Readonly<Record<string, { readonly script: string; readonly rows: readonly string[] }>> = {
  posts: {
    script:
      `const answer = await ctx.fetch(URL + "/echo?q=1", { method: "POST", body: JSON.stringify({ a: "ä" }),
        headers: { "x-own": "yes", "content-type": "application/json", host: "evil.example" } });
      const { method, own, host, body } = await answer.json();
      yield { method, own, isHost: URL.endsWith(host), body, status: answer.status, ok: answer.ok, type: answer.headers.get("x-type") };`,
    rows: ["method,own,isHost,body,status,ok,type", 'POST,yes,true,"{""a"":""ä""}",201,true,echo'],
  },
  streams: {
    script: `let size = 0, pieces = 0;
      for await (const piece of (await fetch(URL + "/big")).body) { size += piece.length; pieces++; }
      yield { size, several: pieces > 3 };`,
    rows: ["size,several", `${BIG},true`],
  },
  redirects: {
    script: `const answer = await ctx.fetch(URL + "/to?/echo", { headers: { authorization: "secret" } });
      const manual = await ctx.fetch(URL + "/to?/echo", { redirect: "manual" });
      yield { path: new globalThis.URL(answer.url).pathname, redirected: answer.redirected, status: manual.status, to: manual.headers.get("location") };`,
    rows: ["path,redirected,status,to", "/echo,true,302,/echo"],
  },
  refuses: {
    script: `const seen = [];
      for (const url of ["file:///etc/passwd", "http://u:p@127.0.0.1/", "http://127.0.0.1:1/", "https://example.com/", URL + "/to?http://127.0.0.1:1/",
        "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "ftp://127.0.0.1/", URL + "/to?file:///etc/passwd", URL + "/loop"]) {
        try { await ctx.fetch(url); seen.push("got"); } catch (error) { seen.push(error.name + " " + error.code); }
      }
      yield { seen: seen.join(" | ") };`,
    rows: [
      "seen",
      [
        ...["invalid", "invalid", "forbidden", "forbidden", "forbidden"],
        ...["forbidden", "forbidden", "forbidden", "invalid", "invalid", "invalid"],
      ].map((code) => `FetchError ${code}`).join(" | "),
    ],
  },
  gives_up: {
    script: `const stop = new AbortController();
      const answer = await ctx.fetch(URL + "/slow", { signal: stop.signal });
      const reading = answer.text();
      stop.abort();
      yield { how: await reading.then(() => "read", (error) => error.name) };
      const cut = await ctx.fetch(URL + "/cut");
      yield { how: await cut.text().then(() => "read", (error) => error.name) };
      yield { how: String((await ctx.fetch(URL + "/missing")).status) };`,
    rows: ["how", "AbortError", "FetchError", "404"],
  },
  many: {
    script:
      `const answers = await Promise.all(Array.from({ length: 100 }, async (_, i) => (await ctx.fetch(URL + "/echo?" + i)).json()));
      yield { count: new Set(answers.map(({ query }) => query)).size };`,
    rows: ["count", "100"],
  },
};

Deno.test("a script asks the hosts of its stream and no others", async () => {
  await using api = await LocalServer.http((request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const body: Uint8Array[] = [];
    request.on("data", (piece) => body.push(piece));
    request.on("end", () => {
      const text = new TextDecoder().decode(new Uint8Array(body.flatMap((piece) => [...piece])));
      const { host, "x-own": own = null } = request.headers;
      if (path === "/echo") {
        response.writeHead(request.method === "POST" ? 201 : 200, { "x-type": "echo" });
        response.end(JSON.stringify({ method: request.method, own, host, body: text, query }));
      } else if (path === "/big") response.end(new Uint8Array(BIG));
      else if (path === "/to") response.writeHead(302, { location: query }).end();
      else if (path === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else if (path === "/slow") response.write("beginning");
      else if (path === "/cut") {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => response.destroy());
      } else response.writeHead(404).end();
    });
  });
  const host = new URL(api.url).host;
  const hosts = `[${host}]`;
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `extract:
${
      Object.keys(RIGHT).map((name) => `  ${name}: { script: scripts/${name}.ts, hosts: ${hosts} }\n`).join(
        "",
      )
    }load:
${Object.keys(RIGHT).map((name) => `  ${name}: { connector: files, path: out/${name}.csv }\n`).join("")}`,
    ...Object.fromEntries(
      Object.entries(RIGHT).map(([name, { script }]) => [
        `scripts/${name}.ts`,
        `const URL = "${api.url}";\nexport default async function* (ctx) { ${script} }\n`,
      ]),
    ),
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  for (const [name, { rows }] of Object.entries(RIGHT)) deepEqual(await linesOf(project, name), rows, name);
});

Deno.test("a request that fails, fails the script with its reason and its place", async () => {
  await using project = await TestProject.create({
    "pipelines/p.yaml": `extract:
  a: { script: scripts/a.ts, hosts: [example.invalid] }
  b: { script: scripts/b.ts }
`,
    "scripts/a.ts":
      `export default async function* (ctx) {\n  yield await ctx.fetch("https://example.invalid/x?token=1");\n}\n`,
    "scripts/b.ts":
      `export default async function* (ctx) {\n  yield await ctx.fetch("https://example.com/");\n}\n`,
  });
  const { stdout } = await project.sluice("run", ["p", "--json"]);
  const { steps } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  deepEqual(
    steps.map(({ error }: { error: { code: string; message: string } }) => [error.code, error.message]),
    [
      [
        "unavailable",
        "scripts/a.ts:2:9: FetchError: Cannot connect to example.invalid: the name has no address",
      ],
      [
        "forbidden",
        "scripts/b.ts:2:9: FetchError: https://example.com/: add example.com to the stream's hosts",
      ],
    ],
  );
});
