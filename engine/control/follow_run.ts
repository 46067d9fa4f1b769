import type { LogLine, RunDetail, RunEvent } from "../../contract/run.ts";
import { isTerminal } from "../../contract/run_state.ts";
import type { OutboxRelay } from "../runs/outbox_relay.ts";
import type { RunEvents } from "../runs/run_events.ts";
import type { Store } from "../store/store.ts";

export interface FollowRunOptions {
  readonly store: Store;
  readonly relay: OutboxRelay;
  readonly events: RunEvents;
  readonly getRun: () => Promise<RunDetail>;
  /** The most log lines to read from the store at a time. */
  readonly linesAtOnce: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * The run as it is, its steps, its log lines after `afterSeq`, and then each change of them until the run has
 * ended; nothing is missed or comes twice.
 */
export async function* followRun(
  id: string,
  afterSeq: number,
  { store, relay, events, getRun, linesAtOnce, signal }: FollowRunOptions,
): AsyncIterable<RunEvent> {
  // What is already in the outbox is in what is read below: it must not come once more behind it.
  await relay.catchUp();
  // Follow first, then read what is there: nothing falls between the two.
  const following = events.follow(id, signal);
  try {
    const { steps, attempts: _, ...run } = await getRun();
    yield { type: "run", run };
    for (const step of steps) yield { type: "step", step };
    let seq = afterSeq;
    for (let lines: LogLine[] = []; !signal.aborted;) {
      lines = await store.logs.read(id, { afterSeq: seq, limit: linesAtOnce });
      for (const line of lines) yield { type: "log", line };
      seq = lines.at(-1)?.seq ?? seq;
      if (lines.length < linesAtOnce) break;
    }
    if (isTerminal(run.state)) return;
    for await (const event of following) {
      if (event.type === "log" && event.line.seq <= seq) continue;
      yield event;
      if (event.type === "run" && isTerminal(event.run.state)) return;
    }
  } finally {
    await following.return?.();
  }
}
