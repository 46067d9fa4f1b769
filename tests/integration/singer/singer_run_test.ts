import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { linesOf, runUnderPolicy } from "../../support/api_project.ts";
import { recordOf, says, schemaOf } from "../../support/singer_bench.ts";
import { TestProject } from "../../support/test_project.ts";

/** Taps through whole runs, with the permissions that a run has. */

const SCHEMA = {
  properties: {
    id: { type: "integer" },
    name: { type: "string" },
    at: { type: "string", format: "date-time" },
  },
};
const CATALOG = { streams: [{ tap_stream_id: "orders", schema: SCHEMA, key_properties: ["id"] }] };

/** A project with a tap of the script, which the policy allows, as `shop`. */
async function tapProject(script: string, stream: string, more = ""): Promise<TestProject> {
  const project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `extract:\n  t: { connector: shop, stream: orders${stream} }\n` +
      "load:\n  t: { connector: files, path: out/t.csv }\n",
  });
  const tap = join(project.folder, "tap-shop");
  await Deno.writeTextFile(
    tap,
    `#!/bin/sh
case "$*" in *--discover*) cat <<'EOF'
${JSON.stringify(CATALOG)}
EOF
exit 0;; esac
${script}
`,
    { mode: 0o755 },
  );
  await project.write({
    "policy.yaml": `commands_allow: ["${tap}"]\n`,
    "connectors.yaml": `files: { type: file }
shop: { type: singer, command: ["${tap}"], config: { token: "\${secret:TOKEN}" }${more} }
`,
  });
  return project;
}

Deno.test("a stream goes on from the tap's state, and what was sent again is merged", async () => {
  const record = (id: number, name: string, at: string) =>
    recordOf({ id, name, at: `2024-01-0${at}T00:00:00Z` });
  const orders = schemaOf(SCHEMA);
  await using project = await tapProject(
    `
state=none
while [ $# -gt 0 ]; do case "$1" in --state) state=$(cat "$2");; --config) config=$(cat "$2");; esac; shift; done
echo "WARNING config is $config" >&2
case "$state" in
none) ${says(orders, record(1, "a", "1"), record(2, "b", "5"), { type: "STATE", value: { at: 5 } })}
;;
'{"at":5}') ${
      // The tap looks back before the greatest update_key that there is.
      says(orders, record(1, "changed", "1"), record(2, "b", "5"), record(3, "c", "6"), {
        type: "STATE",
        value: { at: 6 },
      })}
;;
*) exit 9;;
esac`,
    ", mode: incremental, primary_key: [id], update_key: at",
  );
  const first = await runUnderPolicy(project);
  equal(first.code, 0, first.stdout + first.stderr);
  match(first.stdout + first.stderr, /config is \{"token":"\[redacted\]"\}/);
  deepEqual((await linesOf(project, "t")).map((line) => line.split(",").slice(0, 2).join()), [
    "id,name",
    "1,a",
    "2,b",
  ]);
  const second = await runUnderPolicy(project);
  equal(second.code, 0, second.stdout + second.stderr);
  const lines = await linesOf(project, "t");
  deepEqual(lines.map((line) => line.split(",").slice(0, 2).join()).toSorted(), [
    "1,changed",
    "2,b",
    "3,c",
    "id,name",
  ]);
  const third = await runUnderPolicy(project);
  match(third.stdout + third.stderr, /tap-shop ended with code 9/);
  equal(third.code, 1);
  // The state of a run that failed is not kept.
  equal((await runUnderPolicy(project)).code, 1);
});

Deno.test("a command runs only if the operator's policy allows it", async () => {
  await using project = await tapProject(says(schemaOf(SCHEMA), recordOf({ id: 1 })), "");
  await project.write({ "policy.yaml": "{}\n" });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  match(
    stdout + stderr,
    /may not start \/\S+tap-shop: it is not among commands_allow of the operator's policy/,
  );
  equal(code, 2);
});
