import type { AuditEntry } from "../../../contract/audit/entry.ts";
import type { Run, Trigger } from "../../../contract/run.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import { OutboxConsumer } from "../../runs/outbox_consumer.ts";
import type { Outbox, OutboxEvent } from "../../store/ports/messages.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import { SERVER_ACTOR } from "../../../contract/audit/actor.ts";
import type { AuditLog } from "./port.ts";

/** The reader of the outbox. */
const READER = "audit";
const PAGE = 500;

/** Those that nobody asks for: of the others, whoever asks is told of. A backfill has one line for all its runs. */
const BY_ITSELF: Readonly<Record<Trigger, boolean>> = {
  api: false,
  cli: false,
  page: false,
  schedule: true,
  start: false,
  after: true,
  sensor: true,
  webhook: true,
  backfill: false,
  rerun: false,
  promotion: false,
};

export interface RunLinesContext {
  readonly audit: AuditLog;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tells the audit log of runs that start by themselves, and of each run's end. */
export function createRunLines({ audit, outbox, clock, log }: RunLinesContext): OutboxConsumer {
  return new OutboxConsumer({
    name: READER,
    outbox,
    clock,
    log,
    onEvents: (events) => audit.recordOnce(linesOf(events)),
  });
}

/** What happens from now on is told of. */
export async function beginRunLines(outbox: Outbox): Promise<void> {
  await outbox.cursor(READER);
}

/** Tells of what is left to tell of, for a command that ends. */
export async function finishRunLines(audit: AuditLog, outbox: Outbox): Promise<void> {
  for (let seq = await outbox.cursor(READER);;) {
    const events = await outbox.read(seq, PAGE);
    const last = events.at(-1);
    if (last === undefined) return;
    await audit.recordOnce(linesOf(events));
    await outbox.advance(READER, last.seq);
    seq = last.seq;
  }
}

function linesOf(events: readonly OutboxEvent[]) {
  return events.flatMap(({ run, createdAtMs: atMs }) => {
    if (isTerminal(run.state)) {
      return [{ origin: `run ${run.id} end ${run.attempt} ${run.state}`, atMs, entry: endOf(run) }];
    }
    const isNew = run.state === "queued" && run.attempt === 0;
    return isNew && BY_ITSELF[run.trigger]
      ? [{ origin: `run ${run.id} start`, atMs, entry: startOf(run) }]
      : [];
  });
}

function startOf({ id, pipeline, trigger, triggered_by: by, parent }: Run): AuditEntry {
  return {
    action: "run.start",
    actor: SERVER_ACTOR,
    target: { kind: "run", name: id },
    pipeline,
    details: {
      trigger,
      ...(by === null ? {} : { triggered_by: by }),
      ...(parent === null ? {} : { parent }),
    },
  };
}

/** An error's message may have values of rows: its code is what is kept. */
function endOf(run: Run): AuditEntry {
  const { id, pipeline, state, attempt, trigger, revision, error } = run;
  return {
    action: "run.end",
    actor: SERVER_ACTOR,
    target: { kind: "run", name: id },
    pipeline,
    outcome: state === "failed" ? "failed" : "done",
    details: {
      state,
      trigger,
      attempt,
      revision,
      rows_extracted: run.rows_extracted,
      rows_loaded: run.rows_loaded,
      duration_ms: run.duration_ms,
      ...(run.triggered_by === null ? {} : { triggered_by: run.triggered_by }),
      ...(run.cancelled_by === null ? {} : { cancelled_by: run.cancelled_by }),
      ...(error === null ? {} : { error: error.code }),
    },
  };
}
