import { systemClock } from "../../../contract/clock.ts";
import { Egress } from "../../../engine/grants/egress/egress.ts";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { connectors } from "../../../connectors/registry.ts";
import type { CheckContext, CheckedPipeline } from "../../../engine/definitions/check/check_context.ts";
import { checkPipelines } from "../../../engine/definitions/check/check_pipelines.ts";
import type { ProcessBudget } from "../../../engine/definitions/processes/process_budget.ts";
import { loadProject } from "../../../engine/definitions/load.ts";
import { defaultPolicy, parsePolicy } from "../../../engine/grants/policy.ts";
import { findProgram } from "../../../server/program.ts";
import { PROGRAM } from "../../support/program.ts";
import { startHostilePostgres } from "../../support/hostile_postgres.ts";
import { TestProject } from "../../support/test_project.ts";

async function check(
  project: TestProject,
  options: { budget?: ProcessBudget; policy?: string; signal?: AbortSignal } = {},
): Promise<Map<string, CheckedPipeline>> {
  const program = findProgram(PROGRAM.main, (name) => Deno.env.get(name));
  const parsed = options.policy === undefined
    ? { policy: defaultPolicy(project.projectDir) }
    : parsePolicy(options.policy, "policy.yaml", project.projectDir);
  if ("faults" in parsed) throw new Error("the policy has faults");
  const context: CheckContext = {
    connectors,
    egress: new Egress(systemClock),
    references: { env: () => undefined, secrets: { get: () => Promise.resolve(undefined) } },
    policy: parsed.policy,
    projectDir: project.projectDir,
    dataDir: project.dataDir,
    programPaths: program.programPaths,
    secretFolders: [],
    runProcess: program.runProcess,
    log: () => {},
    knownColumns: () => Promise.resolve({}),
    ...(options.budget === undefined ? {} : { checkBudget: options.budget }),
  };
  const { pipelines } = await loadProject(project.projectDir, { connectorTypes: connectors });
  const checked = new Map<string, CheckedPipeline>();
  const signal = options.signal ?? AbortSignal.any([]);
  for await (const entry of checkPipelines(context, pipelines, signal)) {
    checked.set(entry.pipeline.name, entry);
  }
  return checked;
}

const messagesOf = (checked: CheckedPipeline | undefined) =>
  checked?.faults.map(({ file, message }) => `${file} ${message}`) ?? [];

Deno.test("a constant that takes gigabytes ends its pipeline's check alone, and the fault names the model", async () => {
  await using project = await TestProject.create({
    "pipelines/big.yaml": "transform: big\n",
    "transforms/big/a.sql": "SELECT 1 AS a",
    "transforms/big/huge.sql": "SELECT count(*) AS n FROM range(length(repeat('x', 1500000000)))",
    "transforms/big/other.sql": "SELECT 2 AS a",
    "pipelines/small.yaml": "transform: small\n",
    "transforms/small/a.sql": "SELECT 1 AS a",
  });
  const checked = await check(project, { budget: { timeMs: 60_000, memoryBytes: 500_000_000 } });
  deepEqual(messagesOf(checked.get("small")), []);
  const [message = "", ...others] = messagesOf(checked.get("big"));
  deepEqual(others, []);
  match(
    message,
    /^transforms\/big\/huge\.sql the check was stopped at the model huge: it took more than 500 MB of memory; DuckDB computes constants/,
  );
  equal(checked.get("big")?.steps.length, 0);
});

Deno.test("a check that takes too long is stopped and says at what", async () => {
  await using silent = startHostilePostgres({ answer: () => [] });
  await using project = await TestProject.create({
    "connectors.yaml": `silent: {type: postgres, url: "${silent.url}", ssl: disable}\n`,
    "pipelines/waits.yaml": "extract: {s: {connector: silent, stream: public.t}}\n",
    "pipelines/small.yaml": "transform: small\n",
    "transforms/small/a.sql": "SELECT 1 AS a",
  });
  const checked = await check(project, { budget: { timeMs: 4_000, memoryBytes: 2e9 } });
  deepEqual(messagesOf(checked.get("small")), []);
  deepEqual(messagesOf(checked.get("waits")), [
    "pipelines/waits.yaml the check was stopped at the stream s: it took more than 4 s",
  ]);
});

Deno.test("a pipeline that asks for more memory than the operator gives is told so", async () => {
  await using project = await TestProject.create({
    "pipelines/p.yaml": "transform: p\nresources: {memory: 8GB}\n",
    "transforms/p/a.sql": "SELECT 1 AS a",
  });
  const checked = await check(project, { policy: "memory_max: 4GB" });
  deepEqual(checked.get("p")?.faults.map(({ line, message, severity }) => `${line} ${severity} ${message}`), [
    "2 warning resources.memory: a run gets 4GB, the most that the operator's policy gives",
  ]);
});

Deno.test("a check that is stopped ends with the reason why", async () => {
  await using silent = startHostilePostgres({ answer: () => [] });
  await using project = await TestProject.create({
    "connectors.yaml": `silent: {type: postgres, url: "${silent.url}", ssl: disable}\n`,
    "pipelines/waits.yaml": "extract: {s: {connector: silent, stream: public.t}}\n",
  });
  const stop = new AbortController();
  const checking = check(project, { signal: stop.signal }).then(() => "done", (error: unknown) => error);
  queueMicrotask(() => stop.abort(new Error("enough")));
  const outcome = await checking;
  ok(outcome instanceof Error && outcome.message === "enough", String(outcome));
});
