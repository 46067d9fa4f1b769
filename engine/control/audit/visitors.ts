import { actorOf } from "../../../contract/audit/actor.ts";
import type { Access } from "../../../contract/access/access.ts";
import type { Principal } from "../../../contract/access/principal.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Store } from "../../store/store.ts";
import { guardedEngine } from "../access/guarded_engine.ts";
import { guardedPeople } from "../access/guarded_people.ts";
import { provenPeople } from "../access/proven_people.ts";
import type { Places } from "../access/guard.ts";
import type { Engine } from "../engine.ts";
import type { People } from "../people/port.ts";
import { refusalOf } from "./refusals.ts";
import { auditedEngine } from "./audited_engine.ts";
import { auditedPeople } from "./audited_people.ts";
import { storedDefinitions } from "./definition_facts.ts";
import type { AuditLog } from "./port.ts";
import { auditedReader, type AuditReader, createAuditReader } from "./reader.ts";

export interface VisitorsContext {
  readonly engine: Engine;
  readonly people: People;
  readonly places: Places;
  /** Throws where whoever asks has to show once more who they are. */
  readonly requireProof: (principal: Principal) => Promise<void>;
  readonly audit: AuditLog;
  readonly store: Pick<Store, "pipelines" | "revisions" | "audit">;
  readonly clock: Pick<Clock, "now">;
}

export interface Visitors {
  engineFor(access: Access): Engine;
  /** For who may manage people: that is asked before. */
  peopleFor(access: Access): People;
  /** For who may see the audit log: that is asked before. */
  auditFor(access: Access): AuditReader;
}

/** The engine and people as each visitor may use them, with what they do in the audit log. */
export function createVisitors(
  { engine, people, places, audit, store, clock, requireProof }: VisitorsContext,
): Visitors {
  const definitions = storedDefinitions(store);
  const reader = createAuditReader({ store: store.audit, clock }, audit);
  return {
    engineFor(access) {
      const actor = actorOf(access.principal);
      const audited = auditedEngine(engine, { log: audit, actor, definitions });
      return guardedEngine(audited, access, places, (refusal) => {
        void audit.record(refusalOf(access.principal, refusal));
      });
    },
    // What the guard refuses is a line as what it lets through is: who has tried to give what to whom.
    peopleFor(access) {
      const guarded = guardedPeople(people, access, places);
      const audited = auditedPeople(guarded, audit, actorOf(access.principal));
      return provenPeople(audited, () => requireProof(access.principal));
    },
    auditFor: (access) => auditedReader(reader, audit, actorOf(access.principal)),
  };
}
