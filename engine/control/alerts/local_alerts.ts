import { ulid } from "ulid";
import { notifiersOf, notifyRules } from "../../../contract/alerts/notify.ts";
import type {
  AlertEvent,
  Delivery,
  NotifierTest,
  NotifierView,
  Problem,
} from "../../../contract/alerts/problem.ts";
import { problemPlace } from "../../../contract/alerts/problem_cursor.ts";
import { boundedLimit } from "../../../contract/lists/page.ts";
import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { formatFault } from "../../../text/fault.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import { NOTIFIERS_FILE } from "../../definitions/notifiers/parse_notifiers.ts";
import { readNotifiers } from "../../definitions/notifiers/read_notifiers.ts";
import type { AlertSender } from "../../runs/alerts/alert_sender.ts";
import type { Store } from "../../store/store.ts";
import type { Alerts, DeliveryFilter, ProblemFilter } from "./alerts.ts";

const DEFAULT_LIMIT = 100;

export interface LocalAlertsContext {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
  readonly projectDir: string;
  readonly sender: Pick<AlertSender, "sendNow">;
}

/** Alerts over this process's store. */
export class LocalAlerts implements Alerts {
  readonly #context: LocalAlertsContext;

  constructor(context: LocalAlertsContext) {
    this.#context = context;
  }

  async problems({ limit = DEFAULT_LIMIT, cursor, ...filter }: ProblemFilter): Promise<Problem[]> {
    const behind = cursor === undefined ? {} : { behind: problemPlace(cursor) };
    return await this.#context.store.alerts.list({ ...filter, ...behind, limit: boundedLimit(limit) });
  }

  async countOpen(pipelines?: readonly string[]): Promise<number> {
    return await this.#context.store.alerts.countOpen(pipelines);
  }

  async acknowledge(id: string, by: string | null): Promise<Problem> {
    const { store, clock } = this.#context;
    return required(id, await store.alerts.acknowledge(id, by, clock.now()));
  }

  async mute(id: string, forMs: number | null): Promise<Problem> {
    const { store, clock } = this.#context;
    return required(id, await store.alerts.mute(id, forMs === null ? null : clock.now() + forMs));
  }

  async notifiers(): Promise<NotifierView[]> {
    const { store } = this.#context;
    const users = await this.#users();
    const found = Object.entries(await store.alerts.notifiers());
    return await Promise.all(found.map(async ([name, { type, description }]) => {
      const [last] = await store.alerts.deliveries({ notifier: name, limit: 1 });
      return {
        name,
        type,
        description: typeof description === "string" ? description : null,
        pipelines: users.get(name) ?? [],
        last: last ?? null,
      };
    }));
  }

  async test(name: string, by: string, signal: AbortSignal): Promise<NotifierTest> {
    const { projectDir, clock, sender, store } = this.#context;
    const { notifiers, broken, faults } = await readNotifiers(projectDir);
    const definition = Object.hasOwn(notifiers, name) ? notifiers[name] : undefined;
    if (definition === undefined) {
      const [fault] = faults;
      if (fault !== undefined && (broken.has(name) || broken.size === 0)) {
        throw new AppError("invalid", `Cannot test the notifier "${name}": ${formatFault(fault)}`, {
          faults,
        });
      }
      const names = Object.keys(notifiers);
      const hint = didYouMean(name, names) ||
        (names.length === 0 ? "" : `; ${NOTIFIERS_FILE} has ${listWords(names)}`);
      throw new AppError("not_found", `There is no notifier "${name}"${hint}`);
    }
    const nowMs = clock.now();
    const events = [testEvent(name, by, nowMs)];
    const delivery = { id: ulid(nowMs), notifier: name, attempt: 1, createdAtMs: nowMs, events };
    const { title, receipt } = await sender.sendNow(delivery, definition, signal);
    const at = new Date(nowMs).toISOString();
    await store.alerts.record({
      id: delivery.id,
      notifier: name,
      state: receipt.isTaken ? "sent" : "failed",
      title,
      events,
      event_count: 1,
      attempt: 1,
      created_at: at,
      not_before: null,
      ended_at: new Date(clock.now()).toISOString(),
      error: receipt.isTaken ? null : receipt.words,
    });
    return { notifier: name, ok: receipt.isTaken, message: receipt.words };
  }

  async deliveries({ limit = DEFAULT_LIMIT, cursor, ...filter }: DeliveryFilter): Promise<Delivery[]> {
    const behind = cursor === undefined ? {} : { beforeId: cursor };
    return await this.#context.store.alerts.deliveries({ ...filter, ...behind, limit: boundedLimit(limit) });
  }

  /** The pipelines that tell each notifier something. */
  async #users(): Promise<Map<string, string[]>> {
    const { pipelines, revisions } = this.#context.store;
    const users = new Map<string, string[]>();
    for (const { name, revision } of await pipelines.list()) {
      const head = revision === null ? undefined : await revisions.head(revision);
      for (const notifier of new Set(notifyRules(head?.definition.notify).flatMap(notifiersOf))) {
        users.set(notifier, [...users.get(notifier) ?? [], name]);
      }
    }
    return users;
  }
}

function required(id: string, problem: Problem | undefined): Problem {
  if (problem === undefined) throw new AppError("not_found", `There is no problem "${id}"`);
  return problem;
}

function testEvent(notifier: string, by: string, nowMs: number): AlertEvent {
  return {
    event: "test",
    of: null,
    key: `test of ${notifier}`,
    pipeline: null,
    run: null,
    at: new Date(nowMs).toISOString(),
    message: `a test of the notifier "${notifier}", which ${by} has asked for`,
    count: 1,
    attempt: null,
    trigger: null,
    duration_ms: null,
    rows_extracted: null,
    rows_loaded: null,
  };
}
