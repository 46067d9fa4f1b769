import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { LineageReceiver } from "../../support/lineage_receiver.ts";
import { OtlpReceiver } from "../../support/otlp_receiver.ts";
import { NONE_READY, PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

/** Telemetry of a real server, which is killed while nobody takes what it tells. */

const PROJECT = {
  "pipelines/shop.yaml":
    "extract: { orders: { connector: files, path: orders.csv } }\ntransform: shop\nload: { daily: { connector: files, path: out/daily.csv } }\n",
  "orders.csv": "id,name\n1,secret-4711\n2,b\n",
  "transforms/shop/daily.sql": "SELECT count(*) AS n, max(name) AS name FROM raw.orders\n",
};

interface Doctor {
  readonly checks: readonly { readonly check: string; readonly state: string; readonly message: string }[];
}

Deno.test("what a killed server could not tell is told by the next one, and a command tells of its own runs", async () => {
  const away = new OtlpReceiver();
  const { port, url } = away;
  await away[Symbol.asyncDispose]();
  await using lineage = new LineageReceiver();
  const env = {
    OPENLINEAGE_URL: lineage.url,
    ...NONE_READY,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20collector-secret",
    OTEL_EXPORTER_OTLP_TIMEOUT: "500",
    OTEL_SERVICE_NAME: "sluice-test",
  };
  await using served = await Served.start(PROJECT, env);
  const { project } = served;
  const checks = async () => {
    const { stdout } = await project.sluice("doctor", ["--json"], env);
    const { checks }: Doctor = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    return checks.filter(({ check }) => check.startsWith("telemetry"));
  };
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const asked = await served.server.request("POST", "/api/pipelines/shop/runs", {
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    body: {},
  });
  const run = await served.server.ended((await asked.json()).id, PATIENCE_MS);
  deepEqual([run.state, run.traceparent], ["succeeded", `00-${traceId}-00f067aa0ba902b7-01`]);
  const problem = await waitFor(
    async () => (await served.server.call<{ key: string }[]>("GET", "/api/problems?state=open"))[0],
    PATIENCE_MS,
  );
  equal(problem?.key, "telemetry traces delivery");
  const found = await checks();
  deepEqual(found.map(({ check, state }) => `${check} ${state}`), [
    "telemetry traces failed",
    "telemetry lineage ok",
    "telemetry warning",
  ]);
  match(found[2]?.message ?? "", /Traces for http:\/\/127\.0\.0\.1:\d+ are not taken: .* \(since 20/);
  await lineage.until(8);
  await served.server.kill();

  await using receiver = new OtlpReceiver([], port);
  await served.startNext();
  await receiver.until(1);
  const [request = fail()] = receiver.requests;
  equal(request.headers.get("authorization"), "Bearer collector-secret");
  equal(request.resource["service.name"], "sluice-test");
  const names = ["run shop", "attempt", "extract:orders", "model:daily", "load:daily→files"];
  deepEqual(request.spans.map(({ name }) => name), names);
  deepEqual(new Set(request.spans.map(({ traceId }) => traceId)), new Set([traceId]));
  ok(!JSON.stringify(receiver.requests).includes("4711"));
  deepEqual((await checks()).map(({ check, state }) => `${check} ${state}`), [
    "telemetry traces ok",
    "telemetry lineage ok",
  ]);

  await served.server.stop();
  const before = receiver.requests.length;
  const outer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { code } = await project.sluice("run", ["shop"], { ...env, TRACEPARENT: outer });
  equal(code, 0);
  const [ofCommand, ...more] = receiver.requests.slice(before);
  deepEqual([ofCommand?.spans.length, more], [names.length, []]);
  deepEqual([ofCommand?.spans[0]?.traceId, ofCommand?.spans[0]?.parentId], outer.split("-").slice(1, 3));
  await served.startNext();

  deepEqual(lineage.faults, []);
  const once = [
    "START shop",
    ...names.slice(2).flatMap((step) => [`START shop.${step}`, `COMPLETE shop.${step}`]),
    "COMPLETE shop",
  ];
  // What was under way when it was killed may have come twice.
  const told = new Map(lineage.events.map((event, at) => [
    `${event.run.runId} ${event.eventType}`,
    lineage.told[at],
  ]));
  deepEqual([...told.values()], [...once, ...once]);
  const extract = lineage.events.find(({ job }) => job.name === "shop.extract:orders");
  deepEqual(extract?.inputs.map(({ name }) => name), [`${project.projectDir}/orders.csv`]);
  deepEqual(extract?.outputs[0]?.facets?.["schema"]?.["fields"], [
    { name: "id", type: "BIGINT" },
    { name: "name", type: "VARCHAR" },
  ]);
  ok(!JSON.stringify(lineage.events).includes("4711"));
});
