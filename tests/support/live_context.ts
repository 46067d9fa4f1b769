import { connectors } from "../../connectors/registry.ts";
import { systemClock } from "../../contract/clock.ts";
import type { LiveContext } from "../../engine/definitions/live/live_checker.ts";
import { Egress } from "../../engine/grants/egress/egress.ts";
import { defaultPolicy } from "../../engine/grants/policy.ts";
import { findProgram } from "../../server/program.ts";
import { PROGRAM } from "./program.ts";

/** What a LiveChecker needs to check a project, with this program's processes. */
export function liveContext(
  { projectDir, dataDir }: { readonly projectDir: string; readonly dataDir: string },
): LiveContext {
  const program = findProgram(PROGRAM.main, (name) => Deno.env.get(name));
  return {
    connectors,
    egress: new Egress(systemClock),
    references: { env: () => undefined, secrets: { get: () => Promise.resolve(undefined) } },
    policy: defaultPolicy(projectDir),
    projectDir,
    dataDir,
    programPaths: program.programPaths,
    secretFolders: [],
    runProcess: program.runProcess,
    log: () => {},
    knownColumns: () => Promise.resolve({}),
  };
}
