import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { OutboxEvent } from "../../store/ports/messages.ts";
import type { Store } from "../../store/store.ts";
import { OutboxConsumer } from "../outbox_consumer.ts";
import { repeat } from "../repeat.ts";
import type { Service } from "../service.ts";
import { AlertDesk } from "./alert_desk.ts";
import { type KnownWishes, Recipients } from "./recipients.ts";
import { MissedRuns } from "./missed_runs.ts";
import { isWhole, noteRunChange } from "./run_rules.ts";
import { noteServer, noteTime, type ServerProblem } from "./time_rules.ts";
import { unusualCounts, VOLUME_RUNS } from "./volume.ts";

/** Under it the store keeps how far alerts are in the outbox. */
const CURSOR = "alerts";
const EVERY_MS = 60_000;
const FIRST_AFTER_MS = 10_000;

export interface AlertReaderContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Something is to be sent. */
  readonly onDelivery: () => void;
  readonly serverProblem: ServerProblem;
}

/**
 * Finds out from changes of runs, and from time going by, what is wrong and what is over, and writes it down: problems,
 * what is to be sent about them, and how far it is in the outbox, in one transaction. A change of a run therefore
 * counts once, whatever dies and however many servers work on the store.
 */
export class AlertReader implements Service {
  readonly #context: AlertReaderContext;
  readonly #consumer: OutboxConsumer;
  readonly #stopping = new AbortController();
  readonly #known: KnownWishes = new Map();
  readonly #missed: MissedRuns;
  #loop: Promise<void> | undefined;
  /** One decision after the other: each stands on what the one before has written. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: AlertReaderContext) {
    this.#context = context;
    this.#missed = new MissedRuns(context.store);
    const { store: { outbox }, clock, log } = context;
    this.#consumer = new OutboxConsumer({
      name: CURSOR,
      outbox,
      clock,
      log,
      onEvents: (events) => this.#inTurn(() => this.#read(events)),
    });
  }

  start(): void {
    this.#consumer.start();
    this.#loop = repeat(() => this.#inTurn(() => this.#lookAtTime()), {
      clock: this.#context.clock,
      signal: this.#stopping.signal,
      firstAfterMs: FIRST_AFTER_MS,
      everyMs: EVERY_MS,
      onError: (error) => this.#cannotLook(error),
    });
  }

  /** Looks now at what time, and the server itself, say. */
  lookAtTime(): void {
    if (this.#loop === undefined || this.#stopping.signal.aborted) return;
    this.#inTurn(() => this.#lookAtTime()).catch((error) => this.#cannotLook(error));
  }

  wake(): void {
    this.#consumer.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#consumer.stop();
    await this.#loop;
    await this.#turn;
  }

  #cannotLook(error: unknown): void {
    this.#context.log("error", "what is late or stale could not be found out; trying again", {
      error: String(error),
    });
  }

  async #read(events: readonly OutboxEvent[]): Promise<void> {
    const { store, clock } = this.#context;
    for (;;) {
      const from = await store.outbox.cursor(CURSOR);
      const ahead = events.filter(({ seq }) => seq > from);
      const last = ahead.at(-1);
      if (last === undefined) return;
      const recipients = new Recipients(store, this.#known);
      const pipelines = [...new Set(ahead.map(({ run }) => run.pipeline))];
      const desk = new AlertDesk(recipients, {
        open: await store.alerts.open(pipelines),
        mutes: await store.alerts.mutes(clock.now()),
      });
      for (const event of ahead) {
        await noteRunChange(desk, event);
        await this.#noteVolume(desk, recipients, event);
      }
      const move = { name: CURSOR, from, to: last.seq };
      // Another server of the store was faster: what it has left is looked at again.
      if (!await store.alerts.apply(clock.now(), desk.changes, move)) continue;
      this.#tell(desk);
      return;
    }
  }

  /** Counts are looked up only for those who want to hear of them. */
  async #noteVolume(
    desk: AlertDesk,
    recipients: Recipients,
    { run, createdAtMs }: OutboxEvent,
  ): Promise<void> {
    if (run.state !== "succeeded" || !isWhole(run) || run.full_refresh) return;
    const { pipeline } = run;
    const isWanted = (await recipients.of(pipeline, "volume")).length > 0;
    if (!isWanted && desk.find(pipeline, "volume") === undefined) return;
    const { store } = this.#context;
    const steps = (await store.runs.get(run.id))?.steps ?? [];
    const unusual = unusualCounts(steps, await store.alerts.rowsBefore(run.id, VOLUME_RUNS));
    const about = { subject: pipeline, run, atMs: createdAtMs };
    if (unusual.length > 0) {
      await desk.raise({ ...about, kind: "volume", message: unusual.join("; "), counts: true });
    } else await desk.settle(pipeline, "volume", { ...about, message: "counts of rows are usual again" });
  }

  async #lookAtTime(): Promise<void> {
    const { store, clock, serverProblem } = this.#context;
    const nowMs = clock.now();
    const recipients = new Recipients(store, this.#known);
    const desk = new AlertDesk(recipients, {
      open: await store.alerts.open(),
      mutes: await store.alerts.mutes(nowMs),
    });
    await noteTime(desk, recipients, store, this.#missed, nowMs);
    await noteServer(desk, serverProblem, nowMs);
    if (desk.changes.length === 0) return;
    await store.alerts.apply(nowMs, desk.changes);
    this.#tell(desk);
  }

  #tell({ changes }: AlertDesk): void {
    if (changes.some(({ type }) => type === "notify")) this.#context.onDelivery();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
