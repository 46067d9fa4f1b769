import { PROBLEM_KINDS } from "../../../contract/alerts/problem.ts";
import type { AlertStore } from "../../store/alerts/alert_store.ts";
import { Counter } from "./histogram.ts";
import type { MetricSamples } from "./metric_table.ts";

/** `retried`: not taken, and to be tried again. `failed`: given up. */
const OUTCOMES = ["sent", "retried", "failed"] as const;
export type DeliveryOutcome = (typeof OUTCOMES)[number];

/** How tries to send alerts ended, since the server started. */
export class DeliveryFigures {
  readonly #tries = new Counter();

  count(notifier: string, outcome: DeliveryOutcome): void {
    this.#tries.add({ notifier, outcome }, 1);
  }

  /** Of these notifiers, each from zero on; all others are forgotten. */
  samples(notifiers: readonly string[]): MetricSamples {
    const names = new Set(notifiers);
    this.#tries.keep(({ notifier = "" }) => names.has(notifier));
    for (const notifier of notifiers) {
      for (const outcome of OUTCOMES) this.#tries.add({ notifier, outcome }, 0);
    }
    return { sluice_alert_deliveries_total: this.#tries.samples() };
  }
}

/** What is wrong now, and what is to be sent about it. Throws what the store throws. */
export async function problemSamples(
  alerts: Pick<AlertStore, "open" | "notifiers" | "waiting">,
  deliveries: DeliveryFigures,
): Promise<MetricSamples> {
  const open = new Counter();
  const ofPipelines = new Counter();
  for (const kind of PROBLEM_KINDS) {
    for (const acknowledged of ["false", "true"]) open.add({ kind, acknowledged }, 0);
  }
  for (const { kind, pipeline, isAcknowledged } of await alerts.open()) {
    open.add({ kind, acknowledged: String(isAcknowledged) }, 1);
    if (pipeline !== null) ofPipelines.add({ pipeline }, 1);
  }
  const notifiers = Object.keys(await alerts.notifiers());
  const waiting = await alerts.waiting();
  return {
    sluice_open_problems: open.samples(),
    sluice_pipeline_open_problems: ofPipelines.samples(),
    ...deliveries.samples(notifiers),
    sluice_alert_deliveries_waiting: notifiers.map((notifier) => ({
      labels: { notifier },
      value: waiting.get(notifier) ?? 0,
    })),
  };
}
