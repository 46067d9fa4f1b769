import type { AuditAction, AuditEntry } from "../../../contract/audit/entry.ts";
import { networkOf } from "../../../contract/network/network_of.ts";

/** What is done again and again within this time is told of once, and then how often. */
export const REPEATS_MS = 60_000;
/**
 * Whoever is not let in makes no more lines than this in that time, from however many places and about however many
 * users; and so does a user by asking for what is not granted, and by exchanging a token for others.
 */
const MOST_OF_CROWD = 100;

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
  /** By crowd, those that began longest ago first. */
  readonly #crowds = new Map<string, { readonly untilMs: number; count: number }>();

  /** Whether it has no line of its own: it is counted. */
  isRepeated(entry: AuditEntry, nowMs: number): boolean {
    const own = COUNTED.has(entry.action) ? keyOf(entry) : undefined;
    const crowd = crowdOf(entry);
    if (own === undefined && crowd === undefined) return false;
    if (own !== undefined && this.#count(own, nowMs)) return true;
    if (crowd !== undefined && this.#isTooMany(crowd, nowMs)) {
      const all = `${entry.action}\n${crowd}`;
      if (!this.#count(all, nowMs)) this.#begin(all, ofCrowd(entry, crowd), nowMs, 1);
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

  #isTooMany(crowd: string, nowMs: number): boolean {
    for (const [oldest, { untilMs }] of this.#crowds) {
      if (untilMs > nowMs) break;
      this.#crowds.delete(oldest);
    }
    const known = this.#crowds.get(crowd) ?? { untilMs: nowMs + REPEATS_MS, count: 0 };
    this.#crowds.set(crowd, known);
    known.count += 1;
    return known.count > MOST_OF_CROWD;
  }
}

/** What makes two of them the same. */
function keyOf({ action, actor, target, pipeline, outcome, details }: AuditEntry): string {
  return JSON.stringify([
    action,
    actor.id ?? actor.name,
    actor.kind === "unknown" && actor.address ? networkOf(actor.address) : actor.address,
    actor.tokenId,
    actor.sessionId,
    target?.kind,
    target?.name,
    pipeline,
    outcome,
    details,
  ]);
}

const ANYBODY = "anybody";

/** What one user makes a number of lines of at most. */
const OF_ACTOR: ReadonlySet<AuditAction> = new Set(["access.refused", "token.issue"]);

/** Whose lines are held to a number. */
function crowdOf({ action, actor }: AuditEntry): string | undefined {
  // The name is what somebody has typed, who may be anybody.
  if (actor.kind === "unknown" || action === "sign_in.failed") return ANYBODY;
  return OF_ACTOR.has(action) ? `${action} of ${actor.id ?? actor.name}` : undefined;
}

/** One entry for many. */
function ofCrowd({ action, outcome, actor }: AuditEntry, crowd: string): AuditEntry {
  const many = { id: null, name: "many", kind: "unknown" } as const;
  return { action, outcome, actor: crowd === ANYBODY ? many : actor };
}
