import type { Delivery, NotifierTest, NotifierView, Problem } from "../../../contract/alerts/problem.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { Alerts, DeliveryFilter, ProblemFilter } from "../alerts/alerts.ts";
import type { Guard } from "./guard.ts";

const DELIVERIES = 100;
/** Of them are looked through at a time. */
const MOST_DELIVERIES = 500;

/** Problems and deliveries as far as one principal may know of them; those of the server are for who may look at all. */
export class GuardedAlerts implements Alerts {
  readonly #inner: Alerts;
  readonly #guard: Guard;

  constructor(inner: Alerts, guard: Guard) {
    this.#inner = inner;
    this.#guard = guard;
  }

  async problems(filter: ProblemFilter): Promise<Problem[]> {
    const pipelines = await this.#guard.only("pipeline:view");
    return await this.#inner.problems(pipelines === undefined ? filter : { ...filter, pipelines });
  }

  async countOpen(): Promise<number> {
    return await this.#inner.countOpen(await this.#guard.only("pipeline:view"));
  }

  async acknowledge(id: string, by: string | null): Promise<Problem> {
    await this.#requireProblem(id);
    return await this.#inner.acknowledge(id, by);
  }

  async mute(id: string, forMs: number | null): Promise<Problem> {
    await this.#requireProblem(id);
    return await this.#inner.mute(id, forMs);
  }

  async notifiers(): Promise<NotifierView[]> {
    const names = await this.#guard.only("pipeline:view");
    const notifiers = await this.#inner.notifiers();
    if (names === undefined) return notifiers;
    return notifiers.map((notifier) => ({
      ...notifier,
      pipelines: notifier.pipelines.filter((name) => names.includes(name)),
      last: notifier.last !== null && isOf(notifier.last, names) ? notifier.last : null,
    }));
  }

  async test(notifier: string, by: string, signal: AbortSignal): Promise<NotifierTest> {
    this.#guard.require("notifier:test");
    return await this.#inner.test(notifier, by, signal);
  }

  async deliveries(filter: DeliveryFilter): Promise<Delivery[]> {
    const names = await this.#guard.only("pipeline:view");
    if (names === undefined) return await this.#inner.deliveries(filter);
    const { limit = DELIVERIES, cursor: from, ...conditions } = filter;
    const found: Delivery[] = [];
    for (let cursor = from; found.length < limit;) {
      const behind = cursor === undefined ? {} : { cursor };
      const page = await this.#inner.deliveries({ ...conditions, ...behind, limit: MOST_DELIVERIES });
      found.push(...page.filter((delivery) => isOf(delivery, names)));
      cursor = page.at(-1)?.id;
      if (page.length < MOST_DELIVERIES) break;
    }
    return found.slice(0, limit);
  }

  async #requireProblem(id: string): Promise<void> {
    const missing = () => new AppError("not_found", `There is no problem ${quoteName(id)}`);
    const pipeline = await this.#guard.places.pipelineOfProblem(id);
    if (pipeline === undefined) throw missing();
    if (pipeline !== null) return await this.#guard.requireOf("pipeline:alert", pipeline, missing);
    const { access } = this.#guard;
    if (!access.mayEverywhere("pipeline:view")) throw missing();
    if (!access.mayEverywhere("pipeline:alert")) throw this.#guard.refused("pipeline:alert");
  }
}

/** Whether it tells of these pipelines alone: of what it does not list it may tell more. */
function isOf({ events, event_count: count }: Delivery, names: readonly string[]): boolean {
  return count === events.length &&
    events.every(({ pipeline }) => pipeline !== null && names.includes(pipeline));
}
