import type { AuditAction, AuditEntry } from "../../../contract/audit/entry.ts";

/** What is done again and again within this time is told of once, and then how often. */
export const REPEATS_MS = 60_000;
/** Whoever is not known makes no more lines than this in that time, from however many places. */
const MOST_UNKNOWN = 300;

/** By these, what nobody has to wait for: the others are told of each by itself. */
const COUNTED: ReadonlySet<AuditAction> = new Set([
  "token.refused",
  "access.refused",
  "data.view",
  "connector.discover",
  "audit.view",
]);

interface Repeated {
  readonly entry: AuditEntry;
  readonly untilMs: number;
  count: number;
}

/** Keeps floods out of the log: the first of its kind has a line at once, the others of a minute one together. */
export class Repeats {
  readonly #known = new Map<string, Repeated>();
  #unknown = { untilMs: 0, count: 0 };

  /** Whether it has no line of its own: it is counted. */
  isRepeated(entry: AuditEntry, nowMs: number): boolean {
    const isCounted = COUNTED.has(entry.action);
    const isUnknown = entry.actor.kind === "unknown";
    if (!isCounted && !isUnknown) return false;
    const own = isCounted ? keyOf(entry) : undefined;
    if (own !== undefined && this.#count(own, nowMs)) return true;
    if (isUnknown && this.#isTooMany(nowMs)) {
      const all = `${entry.action}\nall`;
      if (!this.#count(all, nowMs)) this.#begin(all, elsewhere(entry), nowMs, 1);
      return true;
    }
    if (own !== undefined) this.#begin(own, entry, nowMs, 0);
    return false;
  }

  /** Lines for what was counted in minutes that are over; all with Infinity. */
  due(nowMs: number): AuditEntry[] {
    const over = [...this.#known].filter(([, { untilMs }]) => untilMs <= nowMs);
    for (const [key] of over) this.#known.delete(key);
    return over.filter(([, { count }]) => count > 0).map(([, { entry, count }]) => ({
      ...entry,
      details: { ...entry.details, repeated: count },
    }));
  }

  /** When the next one is due; undefined where nothing is counted. */
  nextMs(): number | undefined {
    const times = [...this.#known.values()].map(({ untilMs }) => untilMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #count(key: string, nowMs: number): boolean {
    const known = this.#known.get(key);
    if (known === undefined || known.untilMs <= nowMs) return false;
    known.count += 1;
    return true;
  }

  #begin(key: string, entry: AuditEntry, nowMs: number, count: number): void {
    this.#known.set(key, { entry, untilMs: nowMs + REPEATS_MS, count });
  }

  #isTooMany(nowMs: number): boolean {
    if (this.#unknown.untilMs <= nowMs) this.#unknown = { untilMs: nowMs + REPEATS_MS, count: 0 };
    this.#unknown.count += 1;
    return this.#unknown.count > MOST_UNKNOWN;
  }
}

/** What makes two of them the same. */
function keyOf({ action, actor, target, pipeline, outcome, details }: AuditEntry): string {
  return JSON.stringify([
    action,
    actor.id ?? actor.name,
    actor.address,
    actor.tokenId,
    actor.sessionId,
    target?.kind,
    target?.name,
    pipeline,
    outcome,
    details,
  ]);
}

/** One entry for many that come from everywhere. */
function elsewhere({ action, outcome }: AuditEntry): AuditEntry {
  return { action, outcome, actor: { id: null, name: "many", kind: "unknown" } };
}
