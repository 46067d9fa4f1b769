import { deepEqual, equal } from "node:assert/strict";
import { startApi } from "../../support/api_bench.ts";
import { apiProject, linesOf, runUnderPolicy } from "../../support/api_project.ts";

/** Formats of endpoints through a whole run, with the permissions that a run has. */

Deno.test("CSV, XML and JMESPath through a whole run", async () => {
  const bodies: Readonly<Record<string, readonly [string, string]>> = {
    "/v1/c": ["text/csv", "id,at\n1,2026-01-01\n10,2026-01-02\n"],
    "/v1/x": ["text/xml", '<a><o id="1"><n>x</n></o><o id="2"/></a>'],
    "/v1/j": [
      "application/json",
      '{"data":[{"on":true,"item":{"id":9007199254740993,"in":{"a":1}}},{"on":false}]}',
    ],
    "/v1/n": ["application/x-ndjson", '{"id":1}\n{"id":2}\n'],
  };
  await using api = await startApi((url) => {
    const [type, body] = bodies[url.pathname] ?? ["text/plain", ""];
    return new Response(body, { headers: { "content-type": type } });
  });
  await using made = await apiProject(
    api.url,
    `
extract:
  c: { connector: api, endpoint: c, mode: incremental, primary_key: [id], update_key: id }
  x: { connector: api, endpoint: { path: x, data_selector: a.o, paginator: { type: single_page } } }
  j: { connector: api, endpoint: { path: j, data_selector: "data[?on].item", flatten: true } }
  n: { connector: api, endpoint: n, contract: { columns: evolve, types: discard_row } }
load:
  c: { connector: files, path: out/c.csv }
  x: { connector: files, path: out/x.csv }
  j: { connector: files, path: out/j.csv }
  n: { connector: files, path: out/n.csv }
`,
  );
  const { code, stdout, stderr } = await runUnderPolicy(made);
  equal(code, 0, stdout + stderr);
  deepEqual(await linesOf(made, "c"), ["id,at", "1,2026-01-01", "10,2026-01-02"]);
  deepEqual(await linesOf(made, "x"), ["@id,n", "1,x", "2,"]);
  deepEqual(await linesOf(made, "j"), ["id,in__a", "9007199254740993,1"]);
  deepEqual(await linesOf(made, "n"), ["id", "1", "2"]);
});
