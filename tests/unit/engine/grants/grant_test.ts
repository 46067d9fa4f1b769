import { deepEqual, ok, rejects } from "node:assert/strict";
import * as v from "valibot";
import { connectors } from "../../../../connectors/registry.ts";
import { AppError } from "../../../../contract/errors.ts";
import { type ConnectorDefinition, pipelineSchema } from "../../../../contract/pipeline.ts";
import { provide } from "../../../../engine/grants/grant.ts";

const definition = v.parse(pipelineSchema, {
  extract: {
    orders: { connector: "shop", stream: "public.orders" },
    files: { connector: "files", path: "data/*.csv" },
  },
  load: { orders: { connector: "lake", path: "out/orders.parquet" } },
});

const provideFor = (shop: ConnectorDefinition) =>
  provide(
    [{ definition, connectors: { shop, files: { type: "file" }, lake: { type: "file" } } }],
    connectors,
    { env: () => undefined, secrets: { get: () => Promise.resolve("s3cret-value") } },
    "/project",
  );

Deno.test("provide() adds up just what the connectors' uses need, and knows every secret", async () => {
  const provision = await provideFor({
    type: "postgres",
    url: "postgres://me:${secret:PW}@db.example:5433/shop",
  });
  deepEqual(provision.access.hosts, ["db.example:5433"]);
  deepEqual(provision.access.write, ["/project/out"]);
  ok(provision.access.read.includes("/project/data"));
  ok(!provision.access.read.includes("/project"));
  ok(provision.secrets.includes("s3cret-value"));
});

Deno.test("provide() keeps a secret in the wrong place out of its message", async () => {
  const wrong = provideFor({ type: "postgres", host: "db", user: "me", port: "${secret:PW}" });
  await rejects(wrong, (error: unknown) => {
    ok(error instanceof AppError);
    ok(/"shop".*port/.test(error.message), error.message);
    ok(!error.message.includes("s3cret-value"), error.message);
    return true;
  });
});
