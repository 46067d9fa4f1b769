import { actorOf } from "../../../contract/audit/actor.ts";
import type { AuditEntry } from "../../../contract/audit/entry.ts";
import type { Principal } from "../../../contract/access/principal.ts";
import type { Refusal } from "../access/guard.ts";

/** That somebody asked for what is not granted. */
export function refusalOf(principal: Principal, { permission, subject, isHidden }: Refusal): AuditEntry {
  return {
    action: "access.refused",
    actor: actorOf(principal),
    outcome: "refused",
    ...(subject === undefined ? {} : { target: subject }),
    ...(subject?.kind === "pipeline" ? { pipeline: subject.name } : {}),
    details: { permission, ...(isHidden ? { hidden: true } : {}) },
  };
}
