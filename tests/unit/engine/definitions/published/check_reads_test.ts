import { deepEqual } from "node:assert/strict";
import { sluice } from "../../../../../connectors/sluice/connector.ts";
import {
  type PublishingByPipeline,
  withReaders,
  withReadFaults,
} from "../../../../../engine/definitions/published/check_reads.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "../project_fixture.ts";

const reads = (...addresses: string[]): string =>
  `extract:\n${
    addresses.map((stream, i) => `  s${i}: { connector: sluice, stream: "${stream}" }\n`).join("")
  }`;

/** The faults of pipelines, in order of their files. */
async function faults(
  pipelines: Readonly<Record<string, string>>,
  others: PublishingByPipeline = new Map(),
): Promise<string[]> {
  await using project = await ProjectFixture.create({
    ...Object.fromEntries(Object.entries(pipelines).map(([name, text]) => [`pipelines/${name}.yaml`, text])),
    "transforms/shop/daily.sql": "SELECT 1 AS x",
    "transforms/shop/secret.sql": "SELECT 1 AS x",
  });
  const loaded = await loadProject(project.dir, { connectorTypes: [...CONNECTOR_TYPES, sluice] });
  const found = await withReadFaults(loaded.pipelines, () => Promise.resolve(others));
  return found.flatMap(({ faults }) =>
    faults.filter(({ severity }) => severity === "error").map(formatFault)
  );
}

const SHOP = "publish: [daily]\n";

Deno.test("a stream reads a model that another pipeline publishes, and anything else is a fault with its place", async () => {
  deepEqual(await faults({ shop: SHOP, report: reads("shop.daily") }), []);
  deepEqual(
    await faults({ shop: SHOP, report: reads("shp.daily", "shop.dayly", "shop.secret", "shop.Daily") }),
    [
      'pipelines/report.yaml:2:28: extract.s0.stream: there is no pipeline "shp" (did you mean shop?)',
      'pipelines/report.yaml:3:28: extract.s1.stream: pipeline "shop" does not publish "dayly" (did you mean daily?)',
      'pipelines/report.yaml:4:28: extract.s2.stream: pipeline "shop" does not publish "secret" (there is daily)',
      'pipelines/report.yaml:5:28: extract.s3.stream: pipeline "shop" does not publish "Daily"; it is called daily',
    ],
  );
  const shapes = ["shop", "shop.*", "a.b.c", "../x.daily"];
  deepEqual(
    await faults({ shop: SHOP, report: reads(...shapes) }),
    shapes.map((written, i) =>
      `pipelines/report.yaml:${
        i + 2
      }:36: extract.s${i}.stream: expected a pipeline and a model that it publishes, ` +
      `as shop.daily_revenue but got "${written}"`
    ),
  );
});

Deno.test("what is read is no matter of params: it would go round what its reader may see", async () => {
  const report = `params: { who: { type: string, default: shop } }\n${reads("${param:who}.daily")}`;
  deepEqual(await faults({ shop: SHOP, report }), [
    "pipelines/report.yaml:3:28: extract.s0.stream: what is read of another pipeline is the same in every run: write its name without params",
  ]);
});

Deno.test("no pipeline reads what is made of its own rows", async () => {
  deepEqual(await faults({ shop: SHOP + reads("shop.daily") }), [
    "pipelines/shop.yaml:3:28: extract.s0.stream: a pipeline does not read what it publishes itself: name daily in its SQL",
  ]);
  deepEqual(
    await faults({
      shop: SHOP + reads("other.a"),
      report: "transform: shop\npublish: [daily]\n" + reads("shop.daily"),
    }, new Map([["other", { published: ["a"], reads: [{ pipeline: "report", model: "daily" }] }]])),
    [
      "pipelines/report.yaml:4:28: extract.s0.stream: report would read what is made of its own rows: report reads shop reads other reads report",
      "pipelines/shop.yaml:3:28: extract.s0.stream: shop would read what is made of its own rows: shop reads other reads report reads shop",
    ],
  );
});

Deno.test("a pipeline that cannot be read, or is in force beside the files, may publish what is read", async () => {
  for (const shop of ["publish: [", "publish: [daily]\nretry: 3"]) {
    const found = await faults({ shop, report: reads("shop.daily") });
    deepEqual(found.filter((text) => text.startsWith("pipelines/report.yaml")), [], shop);
  }
  deepEqual(
    await faults({ report: reads("api.daily") }, new Map([["api", { published: ["daily"], reads: [] }]])),
    [],
  );
});

Deno.test("withReaders() takes those that read what is made of a pipeline's rows, and no others", async () => {
  await using project = await ProjectFixture.create({
    "pipelines/a.yaml": "publish: [daily]\n",
    "pipelines/b.yaml": reads("a.daily") + "publish: [daily]\n",
    "pipelines/c.yaml": reads("d.daily") + "publish: [daily]\n",
    "pipelines/d.yaml": reads("b.daily") + "publish: [daily]\n",
    "pipelines/e.yaml": "publish: [daily]\n",
    "pipelines/f.yaml": reads("e.daily"),
  });
  const { pipelines } = await loadProject(project.dir, { connectorTypes: [...CONNECTOR_TYPES, sluice] });
  const readersOf = (...names: readonly string[]) =>
    withReaders(pipelines, ({ name }) => names.includes(name)).map(({ name }) => name);
  deepEqual([readersOf("a"), readersOf("d"), readersOf("f"), readersOf("c", "e")], [
    ["a", "b", "c", "d"],
    ["c", "d"],
    ["f"],
    ["c", "e", "f"],
  ]);
});
