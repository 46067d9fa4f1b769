import { userInfo } from "node:os";
import { actorOf } from "../../../contract/audit/actor.ts";
import type { AuditActor, AuditEntry } from "../../../contract/audit/entry.ts";
import type { Principal } from "../../../contract/access/principal.ts";
import type { Refusal } from "../access/guard.ts";

/** The server itself. */
export const SERVER_ACTOR: AuditActor = { id: null, name: "sluice", kind: "server" };

/** Whose process it is, as the system says. */
export function starterDetails(): { readonly by: string } {
  try {
    return { by: userInfo().username };
  } catch {
    // A container's user may have no name.
    return { by: `uid ${Deno.uid() ?? "unknown"}` };
  }
}

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
