import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import { repeat } from "../../runs/repeat.ts";
import type { Service } from "../../runs/service.ts";
import type { AuditStore } from "../../store/audit/port.ts";
import { SERVER_ACTOR } from "../../../contract/audit/actor.ts";

const FIRST_AFTER_MS = 60_000;
const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const LINES_A_STEP = 1_000;
/** Between two steps others come to write. */
const PAUSE_MS = 20;

export interface AuditRetentionContext {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 for all. */
  readonly keepDays: number;
}

/** Lets go of lines that are too old, once an hour; the log says so itself. */
export function createAuditRetention(context: AuditRetentionContext): Service {
  const { clock, log } = context;
  const stopping = new AbortController();
  const { signal } = stopping;
  let loop: Promise<void> | undefined;
  return {
    start() {
      const onError = (error: unknown) =>
        log("warn", "old lines of the audit log cannot be removed; trying again in an hour", {
          error: String(error),
        });
      const work = async () => void await forgetOldLines(context, signal);
      loop = repeat(work, { clock, signal, firstAfterMs: FIRST_AFTER_MS, everyMs: EVERY_MS, onError });
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

/** Returns how many lines were let go of. What an earlier time has not removed is removed as well. */
export async function forgetOldLines(
  { store, clock, log, keepDays }: AuditRetentionContext,
  signal: AbortSignal,
): Promise<number> {
  if (keepDays === 0) return 0;
  const beforeMs = clock.now() - keepDays * DAY_MS;
  const count = await store.prune(beforeMs, ({ count, upTo }) => ({
    atMs: clock.now(),
    entry: {
      action: "audit.prune",
      actor: SERVER_ACTOR,
      target: { kind: "audit", name: "audit" },
      details: {
        lines: count,
        up_to: upTo.seq,
        hash: upTo.hash,
        before: new Date(beforeMs).toISOString(),
        keep_days: keepDays,
      },
    },
  }));
  while (!signal.aborted && await store.removePruned(LINES_A_STEP) > 0) await clock.sleep(PAUSE_MS, signal);
  if (count > 0) log("info", "removed old lines of the audit log", { lines: count });
  return count;
}
