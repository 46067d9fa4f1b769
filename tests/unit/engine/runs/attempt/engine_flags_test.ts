import { ok } from "node:assert/strict";
import { ENGINE_FLAGS } from "../../../../../engine/runs/attempt/spawn.ts";

const ROOT = new URL("../../../../../", import.meta.url);

Deno.test("who starts the program has the flags of a run's process, for which compiled code is kept", async () => {
  const launcher = await Deno.readTextFile(new URL("build/launcher.sh", ROOT));
  ok(launcher.includes(` run --quiet ${ENGINE_FLAGS} `));
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const name of ["start", "sluice"]) {
    ok(tasks[name].command.includes(`${ENGINE_FLAGS} server/main.ts`), name);
  }
});
