import type { Clock } from "../../../../contract/clock.ts";
import type { Log } from "../../../../contract/log.ts";
import { PollLoop } from "../../../runs/poll_loop.ts";
import type { Service } from "../../../runs/service.ts";
import type { AuditStore } from "../../../store/audit/port.ts";
import type { AuditLog } from "../port.ts";
import type { AuditSink } from "./sink.ts";

const LINES_A_TIME = 500;
/** Other processes write lines, too. */
const POLL_MS = 2_000;

export interface FeedContext {
  readonly store: AuditStore;
  readonly audit: Pick<AuditLog, "onWritten">;
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sends every line to a sink at least once, in order, over restarts and while the sink is away. */
export function createFeed({ store, audit, sink, clock, log }: FeedContext): Service {
  let listening: Disposable | undefined;
  const loop: PollLoop = new PollLoop({
    clock,
    log,
    failure: `the audit log cannot be sent to ${sink.name}`,
    async look() {
      for (let seq = await store.cursor(sink.name); !loop.signal.aborted;) {
        const lines = await store.read(seq, LINES_A_TIME);
        const last = lines.at(-1);
        if (last === undefined) break;
        await sink.send(lines, loop.signal);
        await store.advance(sink.name, last.seq);
        seq = last.seq;
      }
      return POLL_MS;
    },
  });
  return {
    start() {
      listening = audit.onWritten(() => loop.wake());
      loop.start();
    },
    async stop() {
      listening?.[Symbol.dispose]();
      await loop.stop();
      await sink[Symbol.asyncDispose]();
    },
  };
}
