import type { Clock } from "../../../contract/clock.ts";
import type { Notifier, NotifierDefinition } from "../../../contract/alerts/notifiers.ts";
import { AppError, IS_RETRYABLE, toAppError } from "../../../contract/errors.ts";
import { WRONG_KEY } from "../../../contract/keys/sealer.ts";
import type { Log } from "../../../contract/log.ts";
import type { Redactor } from "../../grants/redact.ts";
import type { ReferenceSources } from "../../secrets/resolve.ts";
import { beginUse, type SecretKeeping } from "../../secrets/uses.ts";
import type { ClaimedDelivery } from "../../store/alerts/alert_store.ts";
import type { Store } from "../../store/store.ts";
import { PollLoop } from "../poll_loop.ts";
import type { DeliveryFigures } from "../seeing/problem_figures.ts";
import type { Service } from "../service.ts";
import { raiseDelivery, settleDelivery } from "./delivery_problem.ts";
import { knownNotifier } from "./known_notifier.ts";
import { type Message, messageOf } from "./messages.ts";
import { sendMessage } from "./transports/send.ts";
import type { AlertWay, Receipt } from "./transports/transport.ts";

/** The pauses before the second try, the third, and so on: fifteen hours in all. */
const PAUSES_MS = [10, 30, 120, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800].map((seconds) =>
  seconds * 1_000
);
/** So long a receiver has for one request. */
const SEND_MS = 10_000;
/** One message may be many requests. */
const WHOLE_SEND_MS = 40_000;
/** After that another try begins where nobody has written how this one ended. */
const LEASE_MS = 60_000;
/** What a receiver says beyond this is of no use to anybody. */
const MAX_WORDS = 320;
/** So many are on their way at the same time. */
const AT_ONCE = 8;
/** Other servers of the store leave some, too. */
const MAX_IDLE_MS = 15_000;

export interface AlertSenderContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly references: ReferenceSources;
  /** What keeps count of secrets that messages need. */
  readonly secretKeeping?: SecretKeeping | undefined;
  readonly way: AlertWay;
  /** Counts how tries end. */
  readonly figures: DeliveryFigures;
  /** Whether no other server can work on the store: what is being sent was left by a dead one. */
  readonly isAlone: boolean;
  /** So long a receiver has for one request; 10 s by default. */
  readonly sendMs?: number;
  /** Where people reach the server; undefined where nobody has said so. */
  readonly publicUrl: string | undefined;
}

/**
 * Sends what waits for its notifiers: at least once. Each try is written down before it begins, so that what is sent
 * after a try whose end nobody knows is marked as repeated.
 */
export class AlertSender implements Service {
  readonly #context: AlertSenderContext;
  readonly #loop: PollLoop;
  #hasTakenBack: boolean;

  constructor(context: AlertSenderContext) {
    this.#context = context;
    this.#hasTakenBack = !context.isAlone;
    this.#loop = new PollLoop({
      ...context,
      look: () => this.#sendDue(),
      failure: "alerts could not be sent",
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Something is to be sent: looks now. */
  look(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** Sends a message at once, by the definition that is given; says what the receiver said, or why it was not sent. */
  async sendNow(
    delivery: ClaimedDelivery,
    definition: NotifierDefinition,
    signal: AbortSignal,
  ): Promise<{ readonly title: string; readonly receipt: Receipt }> {
    return await this.#send(
      delivery,
      () => Promise.resolve(definition),
      AbortSignal.any([signal, this.#loop.signal]),
    );
  }

  /** Sends all that is due; returns in how many milliseconds to look again. */
  async #sendDue(): Promise<number> {
    const { store: { alerts }, clock } = this.#context;
    if (!this.#hasTakenBack) await alerts.takeBack(clock.now());
    this.#hasTakenBack = true;
    for (;;) {
      const ids = await alerts.due(clock.now(), AT_ONCE);
      if (ids.length === 0 || this.#loop.signal.aborted) break;
      await Promise.all(ids.map((id) => this.#try(id)));
    }
    const nextMs = await alerts.nextDueMs();
    return nextMs === undefined ? MAX_IDLE_MS : Math.min(Math.max(nextMs - clock.now(), 0), MAX_IDLE_MS);
  }

  async #try(id: string): Promise<void> {
    const { store: { alerts }, clock } = this.#context;
    const nowMs = clock.now();
    const delivery = await alerts.claim(id, nowMs, nowMs + LEASE_MS);
    if (delivery === undefined) return;
    const find = () => alerts.notifier(delivery.notifier);
    const { title, receipt } = await this.#send(delivery, find, this.#loop.signal);
    if (this.#loop.signal.aborted && !receipt.isTaken) {
      // Nobody knows whether it arrived: the next start sends it again, as repeated.
      await alerts.postpone(delivery, { notBeforeMs: clock.now(), title, error: "the server stopped" });
      return;
    }
    await this.#note(delivery, title, receipt);
  }

  /** Never throws. */
  async #send(
    delivery: ClaimedDelivery,
    find: () => Promise<NotifierDefinition | undefined>,
    signal: AbortSignal,
  ): Promise<{ readonly title: string; readonly receipt: Receipt }> {
    const { references, secretKeeping, way, publicUrl } = this.#context;
    using use = beginUse(references, secretKeeping, { kind: "alert" });
    let redactor: Redactor | undefined;
    let title = `for ${delivery.notifier}`;
    try {
      const definition = await find();
      if (definition === undefined) {
        throw new AppError("not_found", `There is no notifier "${delivery.notifier}" in notifiers.yaml`);
      }
      const known = await knownNotifier(delivery.notifier, definition, use);
      redactor = known.redactor;
      const message = messageOf(delivery, known.config, publicUrl);
      title = message.title;
      const receipt = await this.#within(known.config, message, way, signal);
      if (!receipt.isTaken) use.forget(definition);
      return { title, receipt: { ...receipt, words: shorten(redactor.redact(receipt.words)) } };
    } catch (error) {
      const { code, message, reason } = toAppError(error);
      // A key that is put back is seen at the next try.
      const isFinal = !IS_RETRYABLE[code] && reason !== WRONG_KEY;
      const words = redactor === undefined ? message : redactor.redact(message);
      return { title, receipt: { isTaken: false, words, isFinal } };
    }
  }

  /** Throws `timeout` where the receiver takes too long. */
  async #within(config: Notifier, message: Message, way: AlertWay, signal: AbortSignal): Promise<Receipt> {
    const whole = AbortSignal.timeout(WHOLE_SEND_MS);
    const timed: AlertWay = {
      judge: (host, plain) => way.judge(host, plain),
      post: (request) =>
        way.post(
          request,
          AbortSignal.any([signal, whole, AbortSignal.timeout(this.#context.sendMs ?? SEND_MS)]),
        ),
    };
    return await sendMessage(config, message, timed, AbortSignal.any([signal, whole]));
  }

  async #note(delivery: ClaimedDelivery, title: string, receipt: Receipt): Promise<void> {
    const { store: { alerts }, clock, log, figures } = this.#context;
    const { notifier, attempt } = delivery;
    const nowMs = clock.now();
    if (receipt.isTaken) {
      figures.count(notifier, "sent");
      await settleDelivery(alerts, keyOf(notifier), nowMs);
      await alerts.finish(delivery, { state: "sent", atMs: nowMs, title, error: null });
      return;
    }
    const error = receipt.words;
    const pauseMs = PAUSES_MS[attempt - 1];
    const isOver = receipt.isFinal === true || pauseMs === undefined;
    figures.count(notifier, isOver ? "failed" : "retried");
    log("warn", isOver ? "an alert was given up" : "an alert was not taken; trying again", {
      notifier,
      attempt,
      error,
    });
    // Whoever looks at the problems sees that they reach nobody.
    await raiseDelivery(alerts, keyOf(notifier), isOver ? `an alert was given up: ${error}` : error, nowMs);
    if (isOver) await alerts.finish(delivery, { state: "failed", atMs: nowMs, title, error });
    else {
      const notBeforeMs = nowMs + Math.max(pauseMs, receipt.retryAfterMs ?? 0);
      await alerts.postpone(delivery, { notBeforeMs, title, error });
    }
  }
}

/** Only once its secrets are taken out: a part of one would be found by nobody. */
const shorten = (words: string): string => words.slice(0, MAX_WORDS);

const keyOf = (notifier: string): string => `notifier ${notifier} delivery`;
