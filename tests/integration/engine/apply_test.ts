import { systemClock } from "../../../contract/clock.ts";
import { Egress } from "../../../engine/grants/egress/egress.ts";
import { deepStrictEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { connectors } from "../../../connectors/registry.ts";
import { AppError } from "../../../contract/errors.ts";
import { type ApplyContext, applyProject, applySource } from "../../../engine/definitions/apply.ts";
import { defaultPolicy } from "../../../engine/grants/policy.ts";
import { defaultSecrets } from "../../../engine/secrets/named_secrets.ts";
import { aesSealer } from "../../support/aes_sealer.ts";
import { fileStoreUrl, openStore } from "../../../engine/store/open.ts";
import type { Store } from "../../../engine/store/store.ts";
import { findProgram } from "../../../server/program.ts";
import { PROGRAM } from "../../support/program.ts";
import { TestProject } from "../../support/test_project.ts";

/** Definitions on their way into force: a real project, a real store, and the real process that checks. */

const signal = AbortSignal.timeout(60_000);

const ORDERS = {
  "connectors.yaml": "files: { type: file }\n",
  "data/orders.csv": "id,amount\n1,2.50\n2,4.00\n",
  "pipelines/orders.yaml":
    "extract:\n  orders: { connector: files, path: data/orders.csv }\ntransform: orders\n",
  "transforms/orders/total.sql": "SELECT sum(amount) AS total FROM raw.orders\n",
};

interface Applied {
  readonly project: TestProject;
  readonly store: Store;
  readonly apply: () => ReturnType<typeof applyProject>;
  readonly put: (name: string, models: Record<string, string>) => Promise<void>;
  /** The names of pipelines in the order in which they were checked. */
  readonly checked: string[];
}

async function withProject(
  files: Readonly<Record<string, string>>,
  work: (applied: Applied) => Promise<void>,
): Promise<void> {
  await using project = await TestProject.create(files);
  await Deno.mkdir(project.dataDir, { mode: 0o700 });
  await using store = await openStore(fileStoreUrl(join(project.dataDir, "sluice.db")), {
    sealer: aesSealer(),
  });
  const checked: string[] = [];
  const program = findProgram(PROGRAM.main, (name) => Deno.env.get(name));
  const context: ApplyContext = {
    store,
    projectDir: project.projectDir,
    dataDir: project.dataDir,
    connectors,
    egress: new Egress(systemClock),
    references: { env: () => undefined, secrets: defaultSecrets(() => undefined) },
    policy: defaultPolicy(project.projectDir),
    programPaths: program.programPaths,
    secretFolders: [],
    runProcess: program.runProcess,
    log: () => {},
    knownColumns: (pipeline) => store.pipelines.streamColumns(pipeline),
    onChecked: (pipeline) => checked.push(pipeline),
  };
  await work({
    project,
    store,
    checked,
    apply: () => applyProject(context, signal),
    put: (name, models) => applySource(context, name, { definition: {}, models }, signal),
  });
}

async function revisionOf(store: Store, pipeline: string): Promise<string> {
  const record = await store.pipelines.get(pipeline);
  return record?.revision ?? "";
}

Deno.test("applyProject() puts what is right in force with its steps and columns, and has nothing to do the next time", async () => {
  await withProject(ORDERS, async ({ store, apply, checked }) => {
    deepStrictEqual(await apply(), { applied: ["orders"], unchanged: [], removed: [], faults: [] });
    const found = await store.revisions.get(await revisionOf(store, "orders"));
    deepStrictEqual(found?.steps.map(({ name }) => name), ["extract:orders", "model:total"]);
    deepStrictEqual(found?.revision.files.map(({ path }) => path), ["transforms/orders/total.sql"]);
    deepStrictEqual(await store.pipelines.streamColumns("orders"), {
      orders: [{ name: "id", type: "BIGINT" }, { name: "amount", type: "DOUBLE" }],
    });
    deepStrictEqual(await apply(), { applied: [], unchanged: ["orders"], removed: [], faults: [] });
    deepStrictEqual(checked, ["orders"], "what has not changed is not checked again");
  });
});

Deno.test("applyProject() keeps the last good revision of a pipeline with a fault and applies the others", async () => {
  await withProject(ORDERS, async ({ project, store, apply }) => {
    await apply();
    const good = await revisionOf(store, "orders");
    await project.write({
      "transforms/orders/total.sql": "SELECT sum(amuont) AS total FROM raw.orders\n",
      "pipelines/other.yaml": "transform: other\n",
      "transforms/other/one.sql": "SELECT 1 AS one\n",
    });
    const { applied, faults } = await apply();
    deepStrictEqual(applied, ["other"]);
    deepStrictEqual(faults.map(({ file, line }) => [file, line]), [["transforms/orders/total.sql", 1]]);
    equal(await revisionOf(store, "orders"), good);
    deepStrictEqual((await store.pipelines.get("orders"))?.faults, faults);

    await project.write(ORDERS);
    deepStrictEqual((await apply()).applied, ["orders"], "it is checked again, though it is in force");
    equal(await revisionOf(store, "orders"), good);
    deepStrictEqual((await store.pipelines.get("orders"))?.faults, []);
  });
});

Deno.test("applyProject() removes a pipeline whose file is gone, and brings it back with its revision", async () => {
  await withProject(ORDERS, async ({ project, store, apply }) => {
    await apply();
    const revision = await revisionOf(store, "orders");
    await Deno.remove(join(project.projectDir, "pipelines/orders.yaml"));
    deepStrictEqual((await apply()).removed, ["orders"]);
    equal(await store.pipelines.get("orders"), undefined);
    ok(await store.revisions.has(revision), "runs of it can still be shown and retried");
    await project.write(ORDERS);
    await apply();
    equal(await revisionOf(store, "orders"), revision);
  });
});

Deno.test("applyProject() fails for a project folder that is not there, and changes nothing", async () => {
  await withProject(ORDERS, async ({ project, store, apply }) => {
    await apply();
    await Deno.rename(project.projectDir, `${project.projectDir}.away`);
    await rejects(apply(), (error) => error instanceof AppError && error.code === "not_found");
    notEqual(await revisionOf(store, "orders"), "");
  });
});

Deno.test("applySource() puts a definition in force and keeps it where the next one has faults", async () => {
  await withProject(ORDERS, async ({ store, put }) => {
    await put("made", { "one.sql": "SELECT 1 AS one\n" });
    const good = await revisionOf(store, "made");
    equal((await store.pipelines.get("made"))?.origin, "api");
    await rejects(put("made", { "one.sql": "SELECT 1 AS\n" }), (error) => {
      ok(error instanceof AppError && error.code === "invalid");
      match(error.faults[0]?.file ?? "", /one\.sql$/);
      return true;
    });
    equal(await revisionOf(store, "made"), good);
  });
});

Deno.test("applySource() leaves pipelines of the project's files alone, and names that are no names out", async () => {
  await withProject(ORDERS, async ({ store, apply, put }) => {
    await apply();
    const revision = await revisionOf(store, "orders");
    await rejects(
      put("orders", { "one.sql": "SELECT 1 AS one\n" }),
      (error) => error instanceof AppError && error.code === "conflict",
    );
    equal(await revisionOf(store, "orders"), revision);
    for (const name of ["../x", "", "raw", "a b", "x".repeat(64)]) {
      await rejects(
        put(name, {}),
        (error) => error instanceof AppError && error.reason === "invalid_name",
        name,
      );
    }
    deepStrictEqual((await store.pipelines.list()).map(({ name }) => name), ["orders"]);
  });
});

Deno.test("applyProject() does not take a pipeline of the API away, and does not change it", async () => {
  await withProject(ORDERS, async ({ store, apply, put }) => {
    await put("made", { "one.sql": "SELECT 1 AS one\n" });
    const revision = await revisionOf(store, "made");
    const { applied, removed } = await apply();
    deepStrictEqual([applied, removed], [["orders"], []]);
    equal(await revisionOf(store, "made"), revision);
  });
});
