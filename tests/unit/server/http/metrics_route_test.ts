import { deepEqual, equal } from "node:assert/strict";
import { ApiFixture } from "./api_fixture.ts";

const SCRAPE_TOKEN = "a scrape token would have no spaces".replaceAll(" ", "-");
const readMetrics = () =>
  Promise.resolve(
    [{ name: "up_to_date", type: "gauge", help: "Yes.", samples: [{ labels: {}, value: 1 }] }] as const,
  );

const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

Deno.test("GET /metrics is Prometheus' text for each role and for the scrape token, and for nobody else", async () => {
  await using api = await ApiFixture.create({ scrapeToken: SCRAPE_TOKEN, readMetrics });
  for (const asked of [{ as: "viewer" as const }, { as: "admin" as const }, bearing(SCRAPE_TOKEN)]) {
    const response = await api.ask("/metrics", asked);
    equal(response.status, 200);
    equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    equal(await response.text(), "# HELP up_to_date Yes.\n# TYPE up_to_date gauge\nup_to_date 1\n");
  }
  const statuses: number[] = [];
  for (const asked of [{}, bearing("slc_unknown"), bearing(`${SCRAPE_TOKEN}x`), bearing("")]) {
    const response = await api.ask("/metrics", asked);
    statuses.push(response.status);
    await response.body?.cancel();
  }
  deepEqual(statuses, [401, 401, 401, 401]);
});

Deno.test("the scrape token reads the metrics and nothing else, and an empty one is none", async () => {
  await using api = await ApiFixture.create({ scrapeToken: SCRAPE_TOKEN });
  await using without = await ApiFixture.create({ scrapeToken: "" });
  const statuses: number[] = [];
  for (const path of ["/api/pipelines", "/api/runs", "/openapi.json", "/api/tokens"]) {
    const response = await api.ask(path, bearing(SCRAPE_TOKEN));
    statuses.push(response.status);
    await response.body?.cancel();
  }
  for (const token of ["", SCRAPE_TOKEN]) {
    const response = await without.ask("/metrics", bearing(token));
    statuses.push(response.status);
    await response.body?.cancel();
  }
  deepEqual(statuses, [401, 401, 401, 401, 401, 401]);
});
