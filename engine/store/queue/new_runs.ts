import { type SQL, sql } from "drizzle-orm";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import type { Created, CreateRequest, NewRun } from "../ports/runs.ts";
import { runOf, storableText } from "../rows.ts";
import { noteChanges } from "../run_changes.ts";
import { runs } from "../schema.ts";
import { useMarks } from "../triggers/used_marks.ts";
import { lastWindowEnd } from "./last_window.ts";

/** See `RunStore.createEach`. */
export async function createEach(db: Database, requests: readonly CreateRequest[]): Promise<Created[]> {
  try {
    return await createAtOnce(db, requests);
  } catch (error) {
    const failure = toAppError(error);
    if (failure.code === "unavailable") throw error;
    // One of them cannot be stored: the others are, by halves.
    if (requests.length === 1) return [failure];
    const middle = requests.length >> 1;
    return [
      ...await createEach(db, requests.slice(0, middle)),
      ...await createEach(db, requests.slice(middle)),
    ];
  }
}

/** In one transaction: all that may be created, or none. */
export async function createAtOnce(db: Database, requests: readonly CreateRequest[]): Promise<Created[]> {
  const [first] = requests;
  if (first === undefined) return [];
  const rows = JSON.stringify(
    rowsOf(requests),
    (_, value: unknown) => typeof value === "string" ? storableText(value) : value,
  );
  const [, , , , found] = await storing(
    requests.length === 1 ? `create a run of "${first.run.pipeline}"` : `create ${requests.length} runs`,
    db.batch([
      db.run(insertRuns(rows)),
      db.run(noteChanges(INSERTED, sql`${runs.createdAtMs}`)),
      db.run(upsertLimits(requests)),
      db.run(insertRunLimits(requests)),
      db.select().from(runs).where(sql`${runs.seq} in ${seqsOf(rows)}`),
      ...requests.flatMap(({ run }) =>
        run.follows === undefined ? [] : useMarks(db, run.pipeline, run.follows, isThere(run))
      ),
    ]),
  );
  const byId = new Map(found.map((row) => [row.id, row]));
  const byKey = new Map(found.map((row) => [keyOf(row), row]));
  return requests.map(({ run }) => {
    const row = byId.get(run.id) ?? (run.idempotencyKey === null ? undefined : byKey.get(keyOf(run)));
    if (row === undefined) return undefined;
    return refusalOf(run, row.requestHash) ?? { run: runOf(row), created: row.id === run.id };
  });
}

const isThere = ({ id }: NewRun): SQL => sql`exists (select 1 from runs where id = ${id})`;

const keyOf = ({ pipeline, idempotencyKey }: Pick<NewRun, "pipeline" | "idempotencyKey">): string =>
  `${pipeline}\n${storableText(idempotencyKey ?? "")}`;

/** Where the run's idempotency key came first with another request. */
export function refusalOf(run: NewRun, firstHash: string | null): AppError | undefined {
  if (run.requestHash === null || firstHash === null || run.requestHash === firstHash) return undefined;
  return new AppError(
    "conflict",
    `Cannot start a run of "${run.pipeline}": the idempotency key "${run.idempotencyKey}" was used for a ` +
      "different request. Send the same request again, or use another key",
    { reason: "idempotency_key_reused" },
  );
}

/** With the place of each among those of its pipeline and priority, from 0. */
function rowsOf(requests: readonly CreateRequest[]) {
  const places = new Map<string, number>();
  return requests.map(({ run, unlessActive }) => {
    const { priority = 0 } = run;
    const line = `${priority} ${run.pipeline}`;
    const place = places.get(line) ?? 0;
    places.set(line, place + 1);
    return {
      ...run,
      params: JSON.stringify(run.params),
      priority,
      tags: tagsOf(run.tags),
      note: noteOf(run.note),
      place,
      unlessActive,
    };
  });
}

export const tagsOf = (tags: readonly string[] = []): string[] | null =>
  tags.length === 0 ? null : [...new Set(tags)];
export const noteOf = (note: string | null = null): string | null =>
  note === null || note === "" ? null : storableText(note);

/** Of one JSON array: binding each column of each run by itself takes several times as long. */
function insertRuns(rows: string): SQL {
  const of = (name: string) => sql`(n.value ->> ${sql.raw(`'${name}'`)})`;
  const isGiven = sql`n.value -> 'window' is not null`;
  const last = lastWindowEnd(of("pipeline"));
  return sql`
    insert into runs (
      id, pipeline, revision, git_commit, state, trigger, triggered_by, params, selection, full_refresh,
      idempotency_key, request_hash, window_start, window_end, window_given, range, created_at, group_id, parent,
      priority, tags, note, traceparent, promotes, turn
    )
    select
      ${of("id")}, ${of("pipeline")}, ${of("revision")},
      -- As known when the run was asked for: the revision may later be found in a clean commit.
      (select git_commit from revisions where id = ${of("revision")}),
      'queued', ${of("trigger")}, ${of("triggeredBy")}, ${of("params")}, ${of("select")}, ${
    of("fullRefresh")
  },
      ${of("idempotencyKey")}, ${of("requestHash")},
      iif(${isGiven}, n.value ->> '$.window.startMs', ${last}),
      iif(${isGiven}, n.value ->> '$.window.endMs', max(${of("windowEndMs")}, coalesce(${last} + 1, ${
    of("windowEndMs")
  }))),
      ${isGiven}, ${of("range")}, ${of("createdAtMs")}, ${of("group")}, ${of("parent")},
      ${of("priority")}, ${of("tags")}, ${of("note")}, ${of("traceparent")}, ${of("promotes")}, ${
    nextTurn(of)
  } + ${of("place")}
    from json_each(${rows}) as n
    where not (${of("unlessActive")} and exists (
      select 1 from runs as o
      where o.pipeline = ${of("pipeline")} and o.state in ('queued', 'running') and o.trigger <> 'backfill'
    ))
    order by n.key
    on conflict (pipeline, idempotency_key) do nothing
  `;
}

/** The runs that the statement before this one made: the newest, since one alone writes. */
const INSERTED = sql`(select id from runs where seq > 0 order by seq desc limit changes())`;

/**
 * Where among the runs of its priority: behind as many others as wait of its own pipeline, counted from the run that
 * is next. So pipelines take turns, and one that has queued a thousand runs holds nobody up.
 */
function nextTurn(of: (name: string) => SQL): SQL {
  return sql`(
    coalesce((
      select first.turn from runs as first indexed by runs_queued
      where first.state = 'queued' and first.priority = ${of("priority")} order by first.turn limit 1
    ), 0) + (
      select count(*) from runs as own
      where own.state = 'queued' and own.pipeline = ${of("pipeline")} and own.priority = ${of("priority")}
    )
  )`;
}

/** Of each request the run that it made, or that its idempotency key made before. */
function seqsOf(rows: string): SQL {
  return sql`(
    select coalesce(
      (select made.seq from runs as made where made.id = n.value ->> 'id'),
      (
        select known.seq from runs as known
        where known.pipeline = n.value ->> 'pipeline' and known.idempotency_key = n.value ->> 'idempotencyKey'
      )
    ) from json_each(${rows}) as n
  )`;
}

function upsertLimits(requests: readonly CreateRequest[]): SQL {
  const slots = Object.fromEntries(
    requests.flatMap(({ run }) =>
      Object.entries(run.limits ?? {}).map(([name, limit]): [string, number] => [name, limit.slots])
    ),
  );
  return sql`
    insert into limits (name, slots) select key, value from json_each(${JSON.stringify(slots)}) where true
    on conflict (name) do update set slots = excluded.slots
  `;
}

/** Of those that were made. */
function insertRunLimits(requests: readonly CreateRequest[]): SQL {
  const needed = requests.flatMap(({ run }) =>
    Object.entries(run.limits ?? {}).map(([name, limit]) => [run.id, name, limit.needed])
  );
  return sql`
    insert into run_limits (run, name, slots)
    select value ->> 0, value ->> 1, value ->> 2 from json_each(${JSON.stringify(needed)})
    where exists (select 1 from runs where id = value ->> 0)
  `;
}
