import { deepEqual } from "node:assert/strict";
import * as v from "valibot";
import { file } from "../../../../connectors/files/connector.ts";
import { mysql } from "../../../../connectors/mysql/connector.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { checkParams } from "../../../../engine/definitions/check_params.ts";

/** `path: message` of each fault, warnings with their severity. */
function faultsOf(definition: Record<string, unknown>, models: Readonly<Record<string, string>> = {}) {
  const faults = checkParams(v.parse(pipelineSchema, definition), {
    types: [file, mysql],
    connectors: { files: { type: "file" }, shop: { type: "mysql" } },
    files: Object.entries(models).map(([path, content]) => ({ path, content })),
    mutedParams: ["broken"],
  });
  return faults.map(({ message, severity }) => severity === "error" ? message : `${severity} ${message}`);
}

const params = { region: { default: "eu" } };
const stream = (keys: Record<string, unknown>) => ({
  params,
  extract: { a: { connector: "files", ...keys } },
});

Deno.test("checkParams() finds params that are unknown, out of place or in quotes", () => {
  deepEqual(faultsOf(stream({ path: "${param:region}.csv", where: "x = ${param:broken}" })), []);
  deepEqual(faultsOf(stream({ path: "${param:regoin}.csv", where: "${param:region} = x" })), [
    "extract.a.path: there is no param regoin (did you mean region?)",
  ]);
  deepEqual(faultsOf(stream({ path: "${param:region", where: "x = ${param:region}" })), [
    "extract.a.path: a param stands as ${param:name}",
  ]);
  deepEqual(faultsOf(stream({ path: "${param:region}", options: { sheet: "${param:region}" } })), [
    "extract.a.options.sheet: a param has no place here, but in where, query, stream, path and the endpoint's path, " +
    "params, headers and json",
  ]);
  deepEqual(faultsOf({ params, extract: { a: { connector: "shop", query: 'SELECT "${param:region}"' } } }), [
    "extract.a.query: ${param:region} stands in quotes or a comment: leave the quotes out, a literal takes its place",
  ]);
  deepEqual(
    faultsOf({
      ...stream({ path: "${param:region}" }),
      sensors: [{ connector: "files", path: "${param:region}/*", every: "1m" }],
    }),
    ["sensors[0].path: a sensor looks before there is a run: it has no params"],
  );
});

Deno.test("checkParams() holds defaults and all that an enum allows to their places", () => {
  deepEqual(
    faultsOf({
      params: { region: { enum: ["eu", "a/b"], default: "eu" } },
      extract: { a: { connector: "files", path: "${param:region}.csv" } },
      load: { a: { connector: "shop", table: "t_${param:region}" } },
    }),
    [
      'Cannot use the param region in extract.a.path: its value "a/b" has one of / \\ * ? [ ] { } # %, which would lead ' +
      "elsewhere",
      'Cannot use the param region in load.a.table: its value "a/b" has something else than letters, digits, _ and -',
    ],
  );
});

Deno.test("checkParams() wants a default of what a stream with a place of its own names", () => {
  const kept = { connector: "shop", mode: "incremental", primary_key: ["id"], update_key: "at" };
  const required = { day: { type: "date" } };
  const message =
    "extract.a: mode incremental goes on from where the stream was, which is that of one value of day: " +
    "give the param a default, or use mode full";
  const query = "SELECT * FROM t WHERE day = ${param:day}";
  deepEqual(faultsOf({ params: required, extract: { a: { ...kept, query } } }), [message]);
  deepEqual(faultsOf({ params: required, extract: { a: { connector: "shop", query } } }), []);
  const where = "day = getvariable('day')";
  deepEqual(
    faultsOf({ params: required, extract: { a: { ...kept, connector: "files", path: "x", where } } }),
    [message],
  );
  const files = { connector: "files", mode: "append", path: "${param:day}/*" };
  deepEqual(faultsOf({ params: required, extract: { a: files } }), [
    message.replace("incremental", "append"),
  ]);
  deepEqual(
    faultsOf({
      params,
      extract: { a: { connector: "shop", mode: "cdc", primary_key: ["id"], stream: "t_${param:region}" } },
    }),
    ["extract.a.stream: mode cdc follows one table: its name has no param"],
  );
});

Deno.test("checkParams() warns of params that nothing uses", () => {
  const unused = "warning params.region: nothing uses it: no model, and no stream or load";
  deepEqual(faultsOf({ params }), [unused]);
  deepEqual(faultsOf({ params }, { "a.sql": "SELECT getvariable('other')" }), [unused]);
  deepEqual(faultsOf({ params }, { "a.sql": "/* checks: [GetVariable( 'Region') = 1] */ SELECT 1" }), []);
  // A script sees all of them.
  deepEqual(faultsOf({ params, extract: { a: { connector: "script", script: "scripts/a.ts" } } }), []);
});
