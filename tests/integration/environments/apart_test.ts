import { match, strictEqual } from "node:assert/strict";
import { Served } from "../../support/served_project.ts";

/** Two connectors that are one place are known to be that at the latest when their references are resolved. */

Deno.test("a run of an environment writes nothing of production, whatever its connector is called", async () => {
  const files = {
    "connectors.yaml": `lite: { type: sqlite, path: "\${env:LITE}" }
lite_dev: { type: sqlite, path: "\${env:LITE_DEV}" }
`,
    "project.yaml": "environments: { dev: { connectors: { lite: lite_dev } } }\n",
    "pipelines/numbers.yaml": "load: { n: { connector: lite, table: n } }\n",
    "transforms/numbers/n.sql": "SELECT 1 AS n\n",
  };
  await using served = await Served.start(files, { LITE: "out.sqlite", LITE_DEV: "out.sqlite" });
  await served.server.call("POST", "/api/environments/dev/apply");
  await served.succeed("numbers");
  const refused = await served.runToEnd("numbers@dev");
  strictEqual(refused.state, "failed");
  match(
    refused.error?.message ?? "",
    /^load:n→lite_dev would write n of production: in the environment dev lite_dev is the same place as lite, once/,
  );
});
