import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { ApplyResult } from "../../../contract/run.ts";
import { formatFault } from "../../../text/fault.ts";
import type { RemoteSettings } from "../../definitions/git/settings.ts";
import { PollLoop } from "../../runs/poll_loop.ts";
import type { DefinitionChanges } from "../definition_changes.ts";

/** Where nobody has said how often: only when it is woken, and now and then in case that was lost. */
const TOLD_ONLY_MS = 24 * 3_600_000;

export interface FollowRemoteOptions {
  readonly remote: RemoteSettings;
  readonly definitions: Pick<DefinitionChanges, "isBehind">;
  readonly apply: () => Promise<ApplyResult>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Applies what the remote's branch says whenever it has gone on, and logs what came of it. */
export function followRemote({ remote, definitions, apply, clock, log }: FollowRemoteOptions): PollLoop {
  const loop = new PollLoop({
    clock,
    log,
    failure: "the repository that definitions are pulled from cannot be read",
    async look() {
      if (await definitions.isBehind()) {
        const { applied, removed, faults, source } = await apply();
        for (const fault of faults) log(fault.severity === "error" ? "error" : "warn", formatFault(fault));
        log(faults.length > 0 ? "warn" : "info", "definitions were pulled", {
          ...(source === undefined ? {} : { ref: source.ref, commit: source.commit }),
          applied: applied.join(" "),
          removed: removed.join(" "),
          faults: faults.length,
        });
      }
      return remote.intervalMs ?? TOLD_ONLY_MS;
    },
  });
  loop.start();
  return loop;
}
