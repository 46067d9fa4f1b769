import { and, eq, gte, lt, or, type SQL, sql } from "drizzle-orm";
import { auditLog } from "./audit_tables.ts";
import type { AuditFilter } from "./port.ts";

/** The texts of a line that a search looks into. */
const TEXTS = [
  auditLog.action,
  auditLog.actorName,
  auditLog.address,
  auditLog.targetName,
  auditLog.pipeline,
  auditLog.change,
  auditLog.details,
];

/** What a line must be; undefined where all are meant. */
export function conditionOf(filter: AuditFilter): SQL | undefined {
  const { action, actor, target, pipeline, outcome, sinceMs, untilMs, text } = filter;
  return and(
    action === undefined ? undefined : actionIs(action),
    actor === undefined ? undefined : or(
      sql`${auditLog.actorName} = ${actor} collate nocase`,
      eq(auditLog.actor, actor),
    ),
    target === undefined ? undefined : targetIs(target),
    pipeline === undefined ? undefined : eq(auditLog.pipeline, pipeline),
    outcome === undefined ? undefined : eq(auditLog.outcome, outcome),
    sinceMs === undefined ? undefined : gte(auditLog.atMs, sinceMs),
    untilMs === undefined ? undefined : lt(auditLog.atMs, untilMs),
    text === undefined
      ? undefined
      : or(...TEXTS.map((column) => sql`instr(lower(${column}), lower(${text})) > 0`)),
  );
}

/** `run.start`; or with `*` at its end, any that begins so. */
function actionIs(action: string): SQL {
  if (!action.endsWith("*")) return sql`${auditLog.action} = ${action}`;
  const start = action.slice(0, -1);
  return sql`${auditLog.action} >= ${start} and ${auditLog.action} < ${`${start}\u{10ffff}`}`;
}

function targetIs(target: string): SQL | undefined {
  const [, kind = "", name = ""] = /^([a-z]+):(.+)$/s.exec(target) ?? [];
  return or(
    eq(auditLog.targetName, target),
    kind === "" ? undefined : and(eq(auditLog.targetKind, kind), eq(auditLog.targetName, name)),
  );
}
