import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { StreamView } from "../../../contract/streams/stream_view.ts";
import type { RejectChange, RejectSummary, StreamRejects } from "../../../contract/rejects.ts";
import { NO_TRAFFIC } from "../../../contract/streams/traffic.ts";
import { startApi } from "../../support/api_bench.ts";
import { LOOPBACK_POLICY } from "../../support/api_project.ts";
import { Served } from "../../support/served_project.ts";

/** What requests came to, as it is kept with steps and shown of streams. */

const answer = (status: number, headers: Record<string, string> = {}) =>
  new Response("{}", { status, headers });

Deno.test("requests, pages, retries, redirects and waits are kept with steps, and shown of streams", async () => {
  let failures = 0;
  let isBroken = false;
  await using api = await startApi((url, _count, body) => {
    switch (url.pathname) {
      case "/v1/orders": {
        const page = Number(url.searchParams.get("page"));
        if (page === 1 && failures++ === 0) return answer(503);
        if (page === 1 && isBroken) return answer(404);
        return page < 3 ? [{ id: page, at: `2026-01-0${page + 1}T00:00:00Z` }] : [];
      }
      case "/v1/old":
        return answer(302, { location: "/v1/new" });
      case "/v1/new":
        return [{ id: 7 }];
      default:
        return body.includes('"id":1,') ? answer(422) : {};
    }
  });
  const folder = await Deno.makeTempDir({ prefix: "sluice-policy-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  await Deno.writeTextFile(`${folder}/policy.yaml`, LOOPBACK_POLICY);
  await using served = await Served.start({
    "connectors.yaml": `api: { type: http, base_url: "${api.url}/v1" }\n`,
    "pipelines/p.yaml": `
extract:
  orders:
    connector: api
    endpoint: { path: orders, paginator: { type: page_number } }
    mode: incremental
    primary_key: [id]
    update_key: at
  moved: { connector: api, endpoint: { path: old, paginator: { type: single_page } } }
load:
  orders: { connector: api, endpoint: { path: sink, method: POST }, mode: append, max_rejects: 1 }
`,
  }, { SLUICE_POLICY: `${folder}/policy.yaml` });
  const streams = () => served.server.call<readonly StreamView[]>("GET", "/api/pipelines/p/streams");
  deepEqual((await streams()).map(({ last_read, committed }) => [last_read, committed]), [
    [null, null],
    [null, null],
  ]);

  const first = await served.succeed("p");
  const trafficOf = (name: string) => first.steps.find((step) => step.name === name)?.traffic;
  const { waited_ms: waited = 0, ...orders } = trafficOf("extract:orders") ?? {};
  deepEqual(orders, { requests: 5, pages: 4, retries: 1, redirects: 0 });
  ok(waited >= 250, `${waited}`);
  deepEqual({ ...trafficOf("extract:moved"), waited_ms: 0 }, {
    ...NO_TRAFFIC,
    requests: 2,
    pages: 1,
    redirects: 1,
  });
  deepEqual({ ...trafficOf("load:orders→api"), waited_ms: 0 }, { ...NO_TRAFFIC, requests: 3 });
  const [before] = await streams();
  deepEqual(before?.last_read?.traffic, trafficOf("extract:orders"));

  const rejectsPath = "/api/pipelines/p/rejects";
  const [summary, other] = await served.server.call<readonly RejectSummary[]>("GET", rejectsPath);
  deepEqual([summary?.stream, summary?.count, summary?.run, other], [
    "load:orders→api",
    1,
    first.id,
    undefined,
  ]);
  const loadPath = `${rejectsPath}/${encodeURIComponent("load:orders→api")}`;
  const { rejects } = await served.server.call<StreamRejects>("GET", loadPath);
  deepEqual(rejects.map(({ reason, row }) => [reason, JSON.parse(row ?? "").id]), [[
    "the server answered 422",
    1,
  ]]);
  const replayed = await served.server.call<RejectChange>("POST", `${loadPath}/replay`);
  deepEqual([replayed.replayed, replayed.left], [0, 1], "the server refuses it again");
  const listed = await served.project.sluice("rejects", ["list", "p", "orders->api"]);
  match(listed.stdout, /the server answered 422/);
  const dropped = await served.server.call<RejectChange>("DELETE", loadPath);
  deepEqual([dropped.dropped, dropped.left], [1, 0]);
  deepEqual(await served.server.call("GET", rejectsPath), []);

  isBroken = true;
  const second = await served.runToEnd("p");
  equal(second.state, "failed");
  const [found, moved] = await streams();
  equal(found?.last_read?.run, second.id);
  equal(found?.last_read?.state, "failed");
  equal(found?.last_read?.traffic?.requests, 2);
  match(found?.last_read?.error?.message ?? "", /answered 404/);
  // What was committed is as it was.
  equal(found?.committed?.run, first.id);
  deepEqual(found?.committed?.cursor, {
    column: "at",
    value: "2026-01-03 00:00:00+00",
    type: "TIMESTAMP WITH TIME ZONE",
  });
  equal(moved?.committed?.cursor, null);

  const shown = await served.project.sluice("show", ["p"]);
  match(shown.stdout, /STREAM +STATE +LAST READ \(UTC\) +ROWS +REQUESTS +RETRIES +WAITED +GOES ON FROM/);
  match(shown.stdout, /orders +failed .* 2 +0 .*at = 2026-01-03 00:00:00\+00/);
});
