import { Egress } from "../../../../engine/grants/egress/egress.ts";
import { deepEqual, equal, fail } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../../../contract/clock.ts";
import { startAhead, type StartedAhead } from "../../../../engine/control/start_ahead.ts";
import { defaultPolicy } from "../../../../engine/grants/policy.ts";

async function withAhead(
  pipeline: string,
  look: (ahead: StartedAhead) => void | Promise<void>,
  isNew = false,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const projectDir = join(folder, "project");
    await Deno.mkdir(join(projectDir, "pipelines"), { recursive: true });
    await Deno.writeTextFile(join(projectDir, "pipelines", "good.yaml"), "description: right\n");
    await Deno.writeTextFile(join(projectDir, "pipelines", "bad.yaml"), "extract: 5\n");
    const entry = join(folder, "program.ts");
    await Deno.writeTextFile(entry, "for await (const _ of Deno.stdin.readable);\n");
    const ahead = await startAhead({
      runProcess: { deno: Deno.execPath(), entry, codeRoots: [], denoDir: undefined },
      clock: systemClock,
      log: () => {},
      isNew,
      projectDir,
      dataDir: join(folder, "data"),
      connectors: [],
      egress: new Egress(systemClock),
      references: { env: () => undefined, secrets: { get: () => Promise.resolve(undefined) } },
      policy: defaultPolicy(projectDir),
      programPaths: [],
      secretFolders: [],
    }, pipeline);
    await using _processes = ahead.processes;
    await look(ahead);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("startAhead() has a process waiting for the pipeline, and hands on what it read", async () => {
  await withAhead("good", ({ processes, project }) => {
    equal(processes.waiting.length, 1);
    deepEqual(project?.pipelines.map(({ name }) => name), ["bad", "good"]);
  });
});

Deno.test("startAhead() starts nothing for a pipeline that is wrong or not there", async () => {
  for (const pipeline of ["bad", "nowhere"]) {
    await withAhead(pipeline, ({ processes, project }) => {
      equal(processes.waiting.length, 0, pipeline);
      equal(project?.pipelines.length, 2, pipeline);
    });
  }
});

Deno.test("startAhead() starts the check's process first where nothing is in force, and none of the run's grant", async () => {
  await withAhead("good", async ({ processes, runGrant }) => {
    const [check] = processes.waiting;
    equal(processes.waiting.length, 1);
    // The run's process is another one.
    await processes.warm(runGrant ?? fail("no grant"));
    equal(processes.waiting.length, 2);
    equal(processes.waiting[0], check);
  }, true);
});
