import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { copy } from "../support/copy_folder.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomFrom } from "../support/random.ts";
import { SluiceServer, waitFor } from "../support/sluice_server.ts";
import { destinationRows } from "../support/destination_rows.ts";

/**
 * `kill -9` of a run's process and of its server at random moments of the quickstart's run, again
 * and again: whatever was killed, every run ends, and the destinations hold exactly the right rows.
 */

const QUICKSTART = fileURLToPath(new URL("../../examples/quickstart", import.meta.url));
const MOMENTS = 10;

async function withProject(work: (projectDir: string, dataDir: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-crash-" });
  try {
    const projectDir = join(folder, "project");
    await copy(QUICKSTART, projectDir, (name) => name !== "out" && name !== ".sluice");
    // A run that is tried again by itself would hide why it failed.
    const definition = join(projectDir, "pipelines", "quickstart.yaml");
    const text = await Deno.readTextFile(definition);
    await Deno.writeTextFile(definition, text.replace(/^(retry|schedule):.*\n(?: +.*\n)*/gm, ""));
    await work(projectDir, join(folder, "data"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What an undisturbed run leaves, and how long it takes. */
async function reference(): Promise<{ rows: unknown; durationMs: number }> {
  let result: { rows: unknown; durationMs: number } | undefined;
  await withProject(async (projectDir, dataDir) => {
    await using server = await SluiceServer.start(projectDir, dataDir);
    const run = await server.ended((await server.trigger("quickstart")).id);
    equal(run.state, "succeeded", JSON.stringify(run.error));
    await server.stop();
    result = { rows: await destinationRows(join(projectDir, "out")), durationMs: run.duration_ms ?? 0 };
  });
  return result ?? fail("the reference run left nothing");
}

Deno.test("kill -9 of a run's process at any moment fails that run alone, and its retry ends with exactly the right rows", async () => {
  const expected = await reference();
  const seed = Date.now();
  const random = randomFrom(seed);
  await withProject(async (projectDir, dataDir) => {
    await using server = await SluiceServer.start(projectDir, dataDir);
    let killed = 0;
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const { id } = await server.trigger("quickstart");
      const pid = await waitFor(() => server.runProcess(), 5_000);
      await new Promise((resolve) => setTimeout(resolve, random() * expected.durationMs));
      try {
        // One that was not seen in time has ended.
        if (pid !== undefined) Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      const run = await server.ended(id);
      if (run.state === "failed") {
        killed += 1;
        match(run.error?.message ?? "", /killed \(SIGKILL\)/, `seed ${seed}`);
        await server.call("POST", `/api/runs/${id}/retry`);
        const again = await server.ended(id);
        equal(again.state, "succeeded", `seed ${seed}, moment ${moment}: ${JSON.stringify(again.error)}`);
        equal(again.attempt, 2);
      }
      const health = await fetch(`${server.url}/healthz`);
      await health.body?.cancel();
      ok(health.ok, "the server stays up");
      deepEqual(
        await destinationRows(join(projectDir, "out")),
        expected.rows,
        `seed ${seed}, moment ${moment}`,
      );
    }
    ok(killed > 0, `none of ${MOMENTS} kills hit a run, seed ${seed}`);
  });
});

Deno.test("kill -9 of the server at any moment: its next start takes the run up and ends it with exactly the right rows", async () => {
  const expected = await reference();
  const seed = Date.now();
  const random = randomFrom(seed);
  await withProject(async (projectDir, dataDir) => {
    let server = await SluiceServer.start(projectDir, dataDir);
    try {
      let taken = 0;
      for (let moment = 0; moment < MOMENTS; moment += 1) {
        const { id } = await server.trigger("quickstart");
        await new Promise((resolve) => setTimeout(resolve, random() * (expected.durationMs + 300)));
        await server.kill();
        server = await SluiceServer.start(projectDir, dataDir);
        const run = await server.ended(id);
        equal(run.state, "succeeded", `seed ${seed}, moment ${moment}: ${JSON.stringify(run.error)}`);
        if (run.attempt > 1) taken += 1;
        for (const step of run.steps) {
          ok(["succeeded", "warned"].includes(step.state), `seed ${seed}: ${step.name} is ${step.state}`);
        }
        deepEqual(
          await destinationRows(join(projectDir, "out")),
          expected.rows,
          `seed ${seed}, moment ${moment}`,
        );
      }
      ok(taken > 0, `none of ${MOMENTS} kills hit a run, seed ${seed}`);
      const runs = await server.call<{ state: string }[]>("GET", "/api/runs?limit=500");
      deepEqual([...new Set(runs.map((run) => run.state))], ["succeeded"]);
    } finally {
      await server.kill();
    }
  });
});
