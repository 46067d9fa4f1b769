import type { AuditEntry } from "../../../contract/audit/entry.ts";
import type { Problem } from "../../../contract/alerts/problem.ts";
import type { Alerts } from "../alerts/alerts.ts";
import type { AuditResult } from "../../../contract/audit/entry.ts";

type Change = <T>(
  entry: Omit<AuditEntry, "actor">,
  act: () => Promise<T>,
  told?: (result: T) => AuditResult,
) => Promise<T>;

/** Problems as one actor deals with them. */
export function auditedAlerts(alerts: Alerts, change: Change): Alerts {
  const target = (id: string) => ({ kind: "problem", name: id }) as const;
  const about = ({ pipeline }: Problem): AuditResult => pipeline === null ? {} : { pipeline };
  return {
    problems: (filter) => alerts.problems(filter),
    countOpen: (pipelines) => alerts.countOpen(pipelines),
    acknowledge: (id, by) =>
      change(
        { action: "problem.change", target: target(id), details: { acknowledged: by !== null } },
        () => alerts.acknowledge(id, by),
        about,
      ),
    mute: (id, forMs) =>
      change(
        { action: "problem.change", target: target(id), details: { muted_ms: forMs } },
        () => alerts.mute(id, forMs),
        about,
      ),
    notifiers: () => alerts.notifiers(),
    test: (notifier, by, signal) =>
      change(
        { action: "notifier.test", target: { kind: "notifier", name: notifier } },
        () => alerts.test(notifier, by, signal),
      ),
    deliveries: (filter) => alerts.deliveries(filter),
  };
}
