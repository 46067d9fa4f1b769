import { deepEqual, equal, match } from "node:assert/strict";
import type { RejectChange, StreamRejects } from "../../../contract/rejects.ts";
import { LocalServer } from "../../support/api_bench.ts";
import { Served } from "../../support/served_project.ts";

/** Rejected rows of loads that are sent again, through a server: chosen ones, by a changed definition, by a script. */

const SCRIPT = (wanted: string) =>
  `export async function write(batches, ctx) {
  for await (const batch of batches) {
    for (const row of batch) if (!(${wanted})) batch.reject(row, "unwanted by " + ctx.params.region);
    ctx.log.info("took " + batch.length);
  }
}
`;

const PIPELINE = (path: string) =>
  `params: { region: { default: eu } }
transform: p
load:
  contacts:
    - { connector: api, mode: append, primary_key: [id], max_rejects: 9, endpoint: { path: ${path}, batch: 3 } }
    - { script: scripts/push.ts, max_rejects: 9, primary_key: [id] }
`;

Deno.test("rejects of loads are sent again by the definition in force, all or chosen ones, or dropped", async () => {
  let sent: string[] = [];
  let status = 422;
  await using api = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      sent.push(`${request.url} ${body}`);
      response.writeHead(request.url === "/new" && !body.includes(":3}") ? 201 : status).end("{}");
    });
  });
  const policy = await Deno.makeTempFile({ prefix: "sluice-again-", suffix: ".yaml" });
  using _policy = { [Symbol.dispose]: () => Deno.removeSync(policy) };
  await Deno.writeTextFile(policy, 'private_hosts_allow: ["127.0.0.1"]\n');
  await using served = await Served.start({
    "connectors.yaml": `api: { type: http, base_url: "${api.url}" }\n`,
    "pipelines/p.yaml": PIPELINE("old"),
    "transforms/p/contacts.sql": "SELECT unnest([1, 2, 3, 4]) AS id\n",
    "scripts/push.ts": SCRIPT("row.id === 1"),
  }, { SLUICE_POLICY: policy });
  const { server, project } = served;
  const run = await served.succeed("p");
  deepEqual(run.steps.filter(({ kind }) => kind === "load").map(({ rejects }) => rejects), [4, 3]);
  const at = (step: string) => `/api/pipelines/p/rejects/${encodeURIComponent(step)}`;
  const [toApi = "", toScript = ""] = run.steps.filter(({ kind }) => kind === "load").map(({ name }) => name);

  await Deno.writeTextFile(`${project.projectDir}/pipelines/p.yaml`, PIPELINE("new"));
  await Deno.writeTextFile(`${project.projectDir}/scripts/push.ts`, SCRIPT("row.id !== 4"));
  await server.call("POST", "/api/apply");
  sent = [];
  const chosen = await project.sluice("rejects", [
    "replay",
    "p",
    "contacts->api",
    "--position",
    "id 2",
    "--position",
    "id 3",
  ]);
  deepEqual([chosen.code, chosen.stdout.trim()], [
    0,
    "1 row sent again and taken, 3 left: id 3: the server answered 422",
  ], chosen.stderr);
  deepEqual(sent, ['/new [{"id":2}]', '/new [{"id":3}]']);
  const { rejects } = await server.call<StreamRejects>("GET", at(toApi));
  deepEqual(rejects.map(({ position, tries }) => `${position} ${tries}`).toSorted(), [
    "id 1 0",
    "id 3 1",
    "id 4 0",
  ]);

  status = 401;
  const problem = await server.request("POST", `${at(toApi)}/replay`);
  equal(problem.status >= 400, true);
  match(await problem.text(), /401/);
  const { count } = await server.call<StreamRejects>("GET", at(toApi));
  equal(count, 1, "what was taken before the failure is a reject no more");
  const dropped = await server.call<RejectChange>("DELETE", at(toApi), { positions: ["id 3", "id 9"] });
  deepEqual([dropped.dropped, dropped.left], [1, 0]);

  const byScript = await server.call<RejectChange>("POST", `${at(toScript)}/replay`);
  deepEqual([byScript.replayed, byScript.left, byScript.reason], [2, 1, "id 4: unwanted by eu"]);

  await Deno.writeTextFile(`${project.projectDir}/scripts/push.ts`, SCRIPT("true"));
  await server.call("POST", "/api/apply");
  const again = await server.call<RejectChange>("POST", `${at(toScript)}/replay`);
  deepEqual([again.replayed, again.left], [1, 0]);
});
