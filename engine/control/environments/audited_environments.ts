import type { AuditEntry, AuditResult } from "../../../contract/audit/entry.ts";
import type { Environments } from "./port.ts";

/** Tells the audit log of something that is done. */
type Change = <T>(
  entry: Omit<AuditEntry, "actor">,
  act: () => Promise<T>,
  told?: (result: T) => AuditResult | Promise<AuditResult>,
) => Promise<T>;

export function auditedEnvironments(inner: Environments, change: Change): Environments {
  const target = (name: string) => ({ kind: "environment", name }) as const;
  return {
    list: () => inner.list(),

    apply: (environment, request = {}) =>
      change(
        { action: "environment.apply", target: target(environment) },
        () => inner.apply(environment, request),
        ({ applied, removed, faults, source }) => ({
          details: {
            applied,
            removed,
            faults: faults.length,
            ...(source === undefined ? {} : { ref: source.ref, git_commit: source.commit }),
          },
        }),
      ),

    create: (environment, request, signal) =>
      change(
        { action: "environment.create", target: target(environment) },
        () => inner.create(environment, request, signal),
        ({ copied, applied }) => ({
          details: {
            copied: copied.map(({ name }) => name),
            from: request.from ?? "production",
            sampled: request.sample !== undefined,
            applied: applied.applied,
          },
        }),
      ),

    promote: (environment, request) =>
      change(
        { action: "environment.promote", target: target(environment) },
        () => inner.promote(environment, request),
        ({ promoted, applied }) => ({
          details: {
            promoted: promoted.map(({ pipeline }) => pipeline),
            runs: promoted.flatMap(({ run }) => run ?? []),
            applied: applied.applied,
            removed: applied.removed,
            ...(applied.source === undefined
              ? {}
              : { ref: applied.source.ref, git_commit: applied.source.commit }),
          },
        }),
      ),

    planPromotion: (environment, pipelines, signal) => inner.planPromotion(environment, pipelines, signal),

    remove: (environment, pipelines) =>
      change(
        { action: "environment.remove", target: target(environment) },
        () => inner.remove(environment, pipelines),
        ({ removed }) => ({ details: { removed } }),
      ),
  };
}
