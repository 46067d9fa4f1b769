import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { succeed, type WorkerProject } from "../support/worker_process.ts";
import { Bench } from "./bench.ts";
import type { Fixture } from "./fixture.ts";

/** What `access` asks for is enough: loads and reads in a run's process that may do nothing else. */
export function registerProcess(fixture: Fixture): void {
  const { name, connector, modes } = fixture;
  Deno.test(`${name}: a run's process with just its grant loads in every mode, and reads it back`, async () => {
    await using bench = await Bench.start(fixture);
    const { system } = bench;
    const folder = await Deno.makeTempDir({ prefix: "sluice-process-" });
    try {
      const base = {
        folder,
        projectDir: system.projectDir,
        connectors: { it: { ...system.config, type: connector.name } },
      };
      const targets = modes.map((mode) => ({
        connector: "it",
        ...system.target(`in_${mode}`),
        mode,
        ...(mode === "merge" || mode === "scd2" ? { primary_key: ["id"] } : {}),
        ...(mode === "delete_insert" ? { partition_by: ["id"] } : {}),
      }));
      const loading: WorkerProject = { ...base, pipeline: { load: { rows: targets } } };
      const models = { rows: "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, name)" };
      const loaded = await succeed(loading, { runId: "load", attempt: 1, models });
      deepStrictEqual(
        [...loaded.steps.values()].filter(({ kind }) => kind === "load").map(({ rows }) => rows),
        modes.map(() => 2),
      );
      const extract = Object.fromEntries(
        modes.map((mode) => [`in_${mode}`, { connector: "it", ...system.stream(`in_${mode}`) }]),
      );
      const read = await succeed({ ...base, pipeline: { extract } }, {
        runId: "read",
        attempt: 1,
        models: {},
      });
      strictEqual(read.steps.size, modes.length);
      for (const step of read.steps.values()) strictEqual(step.rows, 2, step.name);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
