import type { AuditActor, AuditOutcome } from "../../../contract/audit/entry.ts";
import type { AuditLine } from "../../../contract/audit/line.ts";
import type { AuditVerification } from "../../../contract/audit/verification.ts";
import type { Clock } from "../../../contract/clock.ts";
import { boundedLimit } from "../../../contract/lists/page.ts";
import type { AuditFilter, AuditStore } from "../../store/audit/port.ts";
import { momentOf } from "../history/log_conditions.ts";
import { type ExportFormat, exportLines } from "./export_lines.ts";
import type { AuditLog } from "./port.ts";
import { verifyChain } from "./verify_chain.ts";

/** Which lines are wanted: all that fit everything that is given. */
export interface AuditConditions {
  /** An action, or the beginning of one with `*`: `run.*`. */
  readonly action?: string;
  /** A user's name or id; case does not count. */
  readonly actor?: string;
  /** The name of what it was done to, or its kind and name: `user:ann`. */
  readonly target?: string;
  readonly pipeline?: string;
  readonly outcome?: AuditOutcome;
  /** Since then: a date, a time, or how long ago, as `7d`. */
  readonly since?: string;
  /** Before then, likewise. */
  readonly until?: string;
  /** In any text of the line; case does not count. */
  readonly text?: string;
}

/** What can be asked of the audit log by who may see it: all of it. Every failure is an AppError. */
export interface AuditReader {
  /** The newest first, before the line `before`; `limit` is 1 to 500. Throws invalid for a time that is none. */
  list(
    conditions: AuditConditions,
    range: { readonly limit: number; readonly before?: number },
  ): Promise<AuditLine[]>;
  /** All that fit, the oldest first, as text. Throws invalid before its first byte. */
  export(conditions: AuditConditions, format: ExportFormat): Promise<ReadableStream<Uint8Array>>;
  /** Whether the log is as it was written; `expect` is the hash of a line that somebody has kept elsewhere. */
  verify(expect: string | undefined, signal?: AbortSignal): Promise<AuditVerification>;
}

export interface AuditReaderContext {
  readonly store: AuditStore;
  readonly clock: Pick<Clock, "now">;
}

/** The log as the control store has it. What `log` still has to write is written first. */
export function createAuditReader(
  { store, clock }: AuditReaderContext,
  log: Pick<AuditLog, "flush">,
): AuditReader {
  return {
    async list(conditions, { limit, before }) {
      const filter = filterOf(conditions, clock.now());
      await log.flush();
      return await store.list(filter, {
        limit: boundedLimit(limit),
        ...(before === undefined ? {} : { beforeSeq: before }),
      });
    },
    async export(conditions, format) {
      const filter = filterOf(conditions, clock.now());
      await log.flush();
      // What comes later, as the line about this, is no part of it.
      const { seq } = await store.tip();
      return exportLines((afterSeq, limit) => store.read(afterSeq, limit, filter), seq, format);
    },
    async verify(expect, signal) {
      await log.flush();
      return await verifyChain(store, expect, signal);
    },
  };
}

/** To look at the log is a line of it, and so is every export. */
export function auditedReader(reader: AuditReader, log: AuditLog, actor: AuditActor): AuditReader {
  const target = { kind: "audit", name: "audit" } as const;
  return {
    async list(conditions, range) {
      const lines = await reader.list(conditions, range);
      await log.record({ action: "audit.view", actor, target });
      return lines;
    },
    async export(conditions, format) {
      const text = await reader.export(conditions, format);
      await log.record({ action: "audit.export", actor, target, details: { format, ...conditions } });
      return text;
    },
    async verify(expect, signal) {
      const found = await reader.verify(expect, signal);
      await log.record({
        action: "audit.view",
        actor,
        target,
        outcome: found.ok ? "done" : "failed",
        details: { verified: found.ok, ...(found.fault === null ? {} : { fault: found.fault.message }) },
      });
      return found;
    },
  };
}

function filterOf({ since, until, ...conditions }: AuditConditions, nowMs: number): AuditFilter {
  return {
    ...conditions,
    ...(since ? { sinceMs: momentOf(since, "since", nowMs) } : {}),
    ...(until ? { untilMs: momentOf(until, "until", nowMs) } : {}),
  };
}
