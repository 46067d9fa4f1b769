import type {
  AlertEvent,
  Delivery,
  NotifierTest,
  NotifierView,
  Problem,
} from "../../contract/alerts/problem.ts";
import { problemCursor } from "../../contract/alerts/problem_cursor.ts";
import { AppError } from "../../contract/errors.ts";
import { itemsBehind } from "../../contract/lists/page.ts";
import type { Alerts, DeliveryFilter, ProblemFilter } from "../../engine/control/alerts/alerts.ts";

/** Alerts in memory: what a test puts in is what is there. */
export class FakeAlerts implements Alerts {
  readonly #now: () => number;
  readonly #problems = new Map<string, Problem>();
  readonly #notifiers: NotifierView[] = [];
  readonly #deliveries: Delivery[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  addProblem(change: Partial<Problem> & Pick<Problem, "id">): Problem {
    const at = new Date(this.#now()).toISOString();
    const problem: Problem = {
      key: `shop_daily failure ${change.id}`,
      kind: "failure",
      pipeline: "shop_daily",
      run: null,
      message: "the source did not answer",
      opened_at: at,
      last_at: at,
      count: 1,
      closed_at: null,
      acknowledged_by: null,
      acknowledged_at: null,
      muted_until: null,
      ...change,
    };
    this.#problems.set(problem.id, problem);
    return problem;
  }

  addNotifier(notifier: NotifierView): void {
    this.#notifiers.push(notifier);
  }

  addDelivery(delivery: Delivery): void {
    this.#deliveries.unshift(delivery);
  }

  problems({ isOpen, pipelines, limit = 100, cursor }: ProblemFilter): Promise<Problem[]> {
    const found = [...this.#problems.values()].filter(({ closed_at, pipeline }) =>
      (isOpen === undefined || isOpen === (closed_at === null)) &&
      (pipelines?.includes(pipeline ?? "") ?? true)
    );
    return Promise.resolve(itemsBehind("problems", found, problemCursor, cursor).slice(0, limit));
  }

  async countOpen(pipelines?: readonly string[]): Promise<number> {
    const filter = { isOpen: true, ...(pipelines === undefined ? {} : { pipelines }) };
    return (await this.problems(filter)).length;
  }

  acknowledge(id: string, by: string | null): Promise<Problem> {
    const at = by === null ? null : new Date(this.#now()).toISOString();
    return this.#change(id, { acknowledged_by: by, acknowledged_at: at });
  }

  mute(id: string, forMs: number | null): Promise<Problem> {
    return this.#change(id, {
      muted_until: forMs === null ? null : new Date(this.#now() + forMs).toISOString(),
    });
  }

  notifiers(): Promise<NotifierView[]> {
    return Promise.resolve([...this.#notifiers]);
  }

  test(notifier: string): Promise<NotifierTest> {
    if (!this.#notifiers.some(({ name }) => name === notifier)) {
      return Promise.reject(new AppError("not_found", `There is no notifier "${notifier}"`));
    }
    return Promise.resolve({ notifier, ok: true, message: "answered 200" });
  }

  deliveries({ notifier, state, limit = 100, cursor }: DeliveryFilter): Promise<Delivery[]> {
    const found = this.#deliveries.filter((one) =>
      (notifier === undefined || one.notifier === notifier) && (state === undefined || one.state === state)
    );
    return Promise.resolve(itemsBehind("deliveries", found, ({ id }) => id, cursor).slice(0, limit));
  }

  #change(id: string, change: Partial<Problem>): Promise<Problem> {
    const known = this.#problems.get(id);
    if (known === undefined) return Promise.reject(new AppError("not_found", `There is no problem "${id}"`));
    const changed = { ...known, ...change };
    this.#problems.set(id, changed);
    return Promise.resolve(changed);
  }
}

/** Problems of each kind, some looked after, and two notifiers, of which one does not work. */
export function addFakeAlerts(alerts: FakeAlerts, nowMs: number): void {
  const at = (agoMs: number) => new Date(nowMs - agoMs).toISOString();
  const minute = 60_000;
  alerts.addProblem({
    id: "01K0PROBLEM000000000000001",
    key: "web_events failure",
    pipeline: "web_events",
    message: 'Cannot read "events": the server at db.example.com:5432 closed the connection',
    opened_at: at(190 * minute),
    last_at: at(10 * minute),
    count: 4,
  });
  alerts.addProblem({
    id: "01K0PROBLEM000000000000002",
    key: "flights volume",
    kind: "volume",
    pipeline: "flights",
    message: "extract:flights had 12 rows, and 902 to 1,101 are usual (median ± 5 × MAD of 20 runs)",
    opened_at: at(50 * minute),
    last_at: at(50 * minute),
    acknowledged_by: "ada <ada@example.com>",
    acknowledged_at: at(40 * minute),
  });
  alerts.addProblem({
    id: "01K0PROBLEM000000000000003",
    key: "notifier pager delivery",
    kind: "delivery",
    pipeline: null,
    message: "answered 503: not now",
    opened_at: at(9 * minute),
    last_at: at(minute),
    count: 3,
    muted_until: at(-60 * minute),
  });
  alerts.addProblem({
    id: "01K0PROBLEM000000000000000",
    key: "crm_sync late",
    kind: "late",
    pipeline: "crm_sync",
    message: "a run that was due is still running after 46 m 00 s: late_after is 45 m 00 s",
    opened_at: at(2_000 * minute),
    last_at: at(2_000 * minute),
    closed_at: at(1_950 * minute),
  });
  const event: AlertEvent = {
    event: "failure",
    of: null,
    key: "web_events failure",
    pipeline: "web_events",
    run: null,
    at: at(10 * minute),
    message: "the server closed the connection",
    count: 4,
    attempt: 1,
    trigger: "schedule",
    duration_ms: 12_000,
    rows_extracted: 0,
    rows_loaded: 0,
  };
  const sent: Delivery = {
    id: "01K0DELIVERY00000000000001",
    notifier: "team",
    state: "sent",
    title: "web_events failed",
    events: [event],
    event_count: 1,
    attempt: 1,
    created_at: at(10 * minute),
    not_before: null,
    ended_at: at(9 * minute),
    error: null,
  };
  const waiting: Delivery = {
    ...sent,
    id: "01K0DELIVERY00000000000002",
    notifier: "pager",
    state: "waiting",
    title: "[repeated] web_events <failed>",
    attempt: 3,
    not_before: at(-2 * minute),
    ended_at: null,
    error: "answered 503: not now",
  };
  alerts.addDelivery(sent);
  alerts.addDelivery(waiting);
  alerts.addNotifier({
    name: "pager",
    type: "pagerduty",
    description: null,
    pipelines: ["web_events"],
    last: waiting,
  });
  alerts.addNotifier({
    name: "team",
    type: "smtp",
    description: "Whoever looks after data",
    pipelines: ["flights", "orders", "web_events"],
    last: sent,
  });
}
