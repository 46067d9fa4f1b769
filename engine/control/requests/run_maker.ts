import { createHash } from "node:crypto";
import { monotonicFactory } from "ulid";
import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { filledDefinition, hasFilesOf } from "../../../connectors/pipeline_params.ts";
import { keptStreams, requireOwnPlace } from "../../../contract/params/kept_places.ts";
import { resolveParams } from "../../../contract/params/values.ts";
import { formatTraceparent, parseTraceparent } from "../../../contract/runs/traceparent.ts";
import { variableNames } from "../../../sql/language/scan_sql.ts";
import type { PipelineRecord, RevisionHead } from "../../store/ports/definitions.ts";
import type { NewRun } from "../../store/ports/runs.ts";
import type { Store } from "../../store/store.ts";
import type { TriggerRequest } from "../engine.ts";
import { requireSelection } from "../run_selection.ts";
import { type LimitsContext, runLimits } from "./run_limits.ts";
import { checkedWindow, checkRange, windowOf } from "./run_window.ts";

/** The revision that runs of the pipeline are of. Throws invalid, with the faults, where none has been right. */
export async function runnableRevision(store: Store, record: PipelineRecord): Promise<RevisionHead> {
  const revision = record.revision === null ? undefined : await store.revisions.head(record.revision);
  if (revision === undefined) throw noRevisionError(record);
  return revision;
}

export function noRevisionError({ name, faults }: PipelineRecord): AppError {
  const message = `Pipeline "${name}" has faults and has never been right: it cannot run`;
  return new AppError("invalid", message, { faults });
}

/** What a run is asked for with, and what of the store is written with it alone. */
export type RunRequest = TriggerRequest & Pick<NewRun, "follows" | "promotes">;

export interface RunMakerContext extends LimitsContext {
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Makes runs of the revision of what is asked for, to be stored. A window that nobody asked for ends at `windowEndMs`.
 * What it returns throws invalid for a request that does not fit the revision.
 */
export function runMaker(
  context: RunMakerContext,
  pipeline: string,
  revision: RevisionHead,
  windowEndMs: number,
): (request: RunRequest) => Promise<NewRun> {
  const { store, clock } = context;
  const limits = runLimits(revision, context);
  const kept = keptStreams(revision.definition, hasFilesOf(context.connectors, revision), variableNames);
  const nextId = monotonicFactory();
  const createdAtMs = clock.now();
  const selections = new Set<string>();
  const checkSelection = async (select: string) => {
    if (selections.has(select)) return;
    const whole = await store.revisions.get(revision.id);
    if (whole !== undefined) requireSelection(select, whole);
    selections.add(select);
  };
  return async (request) => {
    const { range, select, idempotencyKey: key } = request;
    const parent = parseTraceparent(request.traceparent);
    if (select !== undefined) await checkSelection(select);
    if (range !== undefined) checkRange(range, request, revision.definition);
    const asked = request.window ?? windowOf(range);
    const params = resolveParams(revision.definition.params, request.params ?? {});
    // What cannot stand in its place would fail the run.
    filledDefinition(context.connectors, revision, params);
    requireOwnPlace(revision.definition, kept, params, range !== undefined);
    return {
      id: nextId(createdAtMs),
      pipeline,
      revision: revision.id,
      trigger: request.trigger,
      triggeredBy: request.triggeredBy ?? null,
      params,
      select: select ?? null,
      fullRefresh: request.fullRefresh ?? false,
      idempotencyKey: key ?? null,
      requestHash: key === undefined ? null : hashRequest(request),
      ...(asked === undefined ? {} : { window: checkedWindow(asked) }),
      ...(range === undefined ? {} : { range }),
      windowEndMs,
      createdAtMs,
      ...(request.group === undefined ? {} : { group: request.group }),
      ...(request.parent === undefined ? {} : { parent: request.parent }),
      priority: request.priority ?? 0,
      ...(request.tags === undefined ? {} : { tags: request.tags }),
      ...(request.note === undefined ? {} : { note: request.note }),
      ...(parent === undefined ? {} : { traceparent: formatTraceparent(parent) }),
      limits,
      ...(request.promotes === undefined ? {} : { promotes: request.promotes }),
      ...(request.follows === undefined ? {} : { follows: request.follows }),
    };
  };
}

/** What was asked for, as hex of SHA-256: the same for the same request, in whatever order its params came. */
function hashRequest(request: TriggerRequest): string {
  const { params = {}, select = null, fullRefresh = false, window = null, group = null } = request;
  const { parent = null, priority = 0, range, tags, note } = request;
  const sorted = Object.entries(params).sort(([one], [other]) => one < other ? -1 : 1);
  const text = JSON.stringify([
    sorted,
    select,
    fullRefresh,
    window,
    group,
    parent,
    priority,
    ...range === undefined ? [] : [range],
    // Later than the others, and only where it is there: hashes of before stay what they are.
    ...tags === undefined && note === undefined ? [] : [{ tags, note }],
  ]);
  return createHash("sha256").update(text).digest("hex");
}
