import type { KnownLoad } from "../../../contract/jobs/verify_job.ts";
import type { Receipt } from "../../../contract/loads/verification.ts";
import type { NamedLoad } from "../../../contract/pipeline/named_loads.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import type { RevisionHead } from "../../store/ports/definitions.ts";
import type { LastLoad } from "../../store/ports/runs.ts";
import type { Store } from "../../store/store.ts";
import { loadsSeen } from "../wildcard_streams.ts";

/** The last success of each of the loads that has one, by its step. */
export async function lastLoads(
  store: Store,
  pipeline: string,
  loads: readonly NamedLoad[],
): Promise<ReadonlyMap<string, LastLoad>> {
  const found = await store.runs.lastLoads(pipeline, loads.map(({ step }) => step));
  return new Map(found.map((one) => [one.step.name, one]));
}

/** The same with what tells whether its target can be held against the warehouse; `loads` are the revision's. */
export async function knownLoads(
  store: Store,
  revision: RevisionHead,
  loads: readonly NamedLoad[],
): Promise<Record<string, KnownLoad>> {
  const now = placesOf(loads, await store.revisions.connectors(revision.id));
  const places = new Map([[revision.id, now]]);
  const known: Record<string, KnownLoad> = {};
  for (const [step, last] of await lastLoads(store, revision.pipeline, loads)) {
    const { run } = last;
    const before = places.get(run.revision) ?? await placesIn(store, run.revision);
    places.set(run.revision, before);
    known[step] = {
      receipt: receiptOf(last),
      isUnchanged: !before.has(step) || before.get(step) === now.get(step),
      params: run.params,
      windowStartMs: run.window_start === null ? null : Date.parse(run.window_start),
      windowEndMs: Date.parse(run.window_end),
    };
  }
  return known;
}

type Places = ReadonlyMap<string, string>;

/** None of a revision that is forgotten. */
async function placesIn(store: Store, id: string): Promise<Places> {
  const revision = await store.revisions.head(id);
  if (revision === undefined) return new Map();
  return placesOf(await loadsSeen(store, revision), await store.revisions.connectors(id));
}

/** By steps what decides where a load's rows go, and which they are. */
function placesOf(
  loads: readonly NamedLoad[],
  connectors: Readonly<Record<string, ConnectorDefinition>>,
): Places {
  return new Map(loads.map(({ step, target }) => {
    const { verify: _, pre_sql: __, post_sql: ___, changed_only: ____, ...rest } = target;
    return [step, JSON.stringify([rest, connectors[target.connector] ?? null])];
  }));
}

export function receiptOf({ run, step }: LastLoad): Receipt {
  const { rows, size_bytes, inserted, updated, deleted, hash, verified } = step;
  return {
    run: run.id,
    loaded_at: step.finished_at ?? run.created_at,
    rows,
    size_bytes,
    ...(inserted === undefined ? {} : { inserted }),
    ...(updated === undefined ? {} : { updated }),
    ...(deleted === undefined ? {} : { deleted }),
    ...(hash === undefined ? {} : { hash }),
    ...(verified === undefined ? {} : { verified }),
  };
}
