import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { PipelineSummary } from "../../../contract/run.ts";
import { bytesOf } from "../../support/store_bytes.ts";
import { SluiceServer } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** A data folder whose key is gone, with a secret that it sealed; and passwords that are written out. */

const PASSWORD = "written-out-canary";

Deno.test("a server whose key is lost says so at its start, shows what it has, and runs again after keys rotate --lost", async () => {
  await using project = await TestProject.create({
    "connectors.yaml":
      `files: { type: file }\naway: { type: postgres, host: db.example.com, user: me, database: shop, password: ${PASSWORD} }\n`,
    "data/orders.csv": "id\n1\n2\n",
    "pipelines/shop.yaml":
      "extract: { orders: { connector: files, path: data/orders.csv } }\nload: { orders: [{ connector: files, path: out/orders.csv }] }\n",
  });
  const { projectDir, dataDir } = project;
  const first = await SluiceServer.start(projectDir, dataDir);
  const { id } = await first.trigger("shop");
  equal((await first.ended(id)).state, "succeeded");
  const put = await first.request("PUT", "/api/secrets/OTHER", { body: { value: "x" } });
  ok(put.ok, await put.text());
  const checked = await project.sluice("check", ["--offline"]);
  match(
    checked.stdout,
    /connectors\.yaml:2:\d+: warning: away\.password: .* put it into \$\{secret:AWAY_PASSWORD\}/,
  );
  deepEqual([checked.code, checked.stdout.includes(PASSWORD)], [0, false]);
  const asJson = await project.sluice("check", ["--offline", "--json"]);
  ok(
    JSON.parse(asJson.stdout).faults.some(({ line, severity, message }: Record<string, unknown>) =>
      line === 2 && severity === "warning" && String(message).includes("${secret:AWAY_PASSWORD}")
    ),
    asJson.stdout,
  );
  await first.stop();
  equal((await bytesOf(join(dataDir, "sluice.db"))).includes(PASSWORD), false);

  await Deno.remove(join(dataDir, "sluice.key"));
  const server = await SluiceServer.start(projectDir, dataDir);
  let said: string;
  try {
    const [shown] = await server.call<PipelineSummary[]>("GET", "/api/pipelines");
    deepEqual([shown?.name, shown?.last_run?.id], ["shop", id]);
    await server.call("GET", "/api/pipelines/shop");
    await server.call("GET", `/api/runs/${id}`);
    const failed = await server.ended((await server.trigger("shop")).id);
    equal(failed.state, "failed");
    match(failed.error?.message ?? "", /revision\/[0-9a-f]+: The key [0-9a-f]+ is wanted and not here/);

    const rotated = await project.sluice("keys", ["rotate", "--lost"]);
    equal(rotated.code, 0, rotated.stderr);
    match(rotated.stdout, /has to be set again: secrets OTHER/);
    match(rotated.stdout, /connectors, notifiers and revisions could not be opened/);
    equal((await project.sluice("apply", [])).code, 0);
    equal((await server.ended((await server.trigger("shop")).id)).state, "succeeded");
  } finally {
    said = await server.stop();
  }
  match(said, /is wanted and not here/);
});
