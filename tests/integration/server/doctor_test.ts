import { deepEqual, equal, match } from "node:assert/strict";
import { TestProject } from "../../support/test_project.ts";

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly check: string; readonly state: string; readonly message: string }[];
}

const FILES = {
  "data/a.csv": "id\n1\n",
  "pipelines/p.yaml": "extract: { a: { connector: files, path: data/a.csv } }\n",
};

Deno.test("the doctor says what is wrong, and exits with 1 for it", async () => {
  await using project = await TestProject.create({
    ...FILES,
    "connectors.yaml": "files: { type: file }\ncrm: { type: http, base_url: 'https://127.0.0.1:1', " +
      "auth: { type: bearer, token: '${secret:CRM_TOKEN}' } }\n",
    "policy.yaml": "nonsense: 1\n",
  });
  const { code, stdout, stderr } = await project.sluice("doctor", ["--json"]);
  equal(code, 1, stdout + stderr);
  const report: Report = JSON.parse(stdout);
  const stateOf = (name: string) => report.checks.find(({ check }) => check === name)?.state;
  deepEqual(
    ["policy", "control store", "clock", "references", "connector files", "connector crm"].map(stateOf),
    ["ok", "ok", "ok", "failed", "ok", "failed"],
    stdout,
  );
  match(report.checks.find(({ check }) => check === "references")?.message ?? "", /SLUICE_SECRET_CRM_TOKEN/);

  const policy = await project.sluice("doctor", ["--policy", `${project.projectDir}/policy.yaml`]);
  equal(policy.code, 1);
  match(policy.stdout, /^policy +failed +.*nonsense/m);
});
