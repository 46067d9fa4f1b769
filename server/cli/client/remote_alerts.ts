import * as v from "valibot";
import {
  type Delivery,
  deliverySchema,
  type NotifierTest,
  notifierTestSchema,
  type NotifierView,
  notifierViewSchema,
  type Problem,
  problemSchema,
} from "../../../contract/alerts/problem.ts";
import type { Alerts, DeliveryFilter, ProblemFilter } from "../../../engine/control/alerts/alerts.ts";
import type { ApiClient } from "./api_client.ts";

/** The alerts of a server, asked over its HTTP API. */
export class RemoteAlerts implements Alerts {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  problems({ isOpen, limit }: ProblemFilter): Promise<Problem[]> {
    const state = isOpen === undefined ? undefined : isOpen ? "open" : "closed";
    return this.#api.read(v.array(problemSchema), "/api/problems", { query: { state, limit } });
  }

  async countOpen(): Promise<number> {
    return (await this.problems({ isOpen: true, limit: 500 })).length;
  }

  /** Who it is, is the token's owner: the server says so. */
  acknowledge(id: string, by: string | null): Promise<Problem> {
    const method = by === null ? "DELETE" : "POST";
    return this.#api.read(problemSchema, `${problemPath(id)}/acknowledge`, { method });
  }

  mute(id: string, forMs: number | null): Promise<Problem> {
    const path = `${problemPath(id)}/mute`;
    if (forMs === null) return this.#api.read(problemSchema, path, { method: "DELETE" });
    return this.#api.read(problemSchema, path, { method: "POST", body: { for: `${forMs}ms` } });
  }

  notifiers(): Promise<NotifierView[]> {
    return this.#api.read(v.array(notifierViewSchema), "/api/notifiers");
  }

  /** Who asks for it, is the token's owner: the server says so. */
  test(notifier: string): Promise<NotifierTest> {
    const path = `/api/notifiers/${encodeURIComponent(notifier)}/test`;
    return this.#api.read(notifierTestSchema, path, { method: "POST" });
  }

  deliveries(filter: DeliveryFilter): Promise<Delivery[]> {
    return this.#api.read(v.array(deliverySchema), "/api/deliveries", { query: { ...filter } });
  }
}

const problemPath = (id: string): string => `/api/problems/${encodeURIComponent(id)}`;
