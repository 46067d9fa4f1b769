import { SERVER_KINDS, type ServerKind } from "../../../contract/alerts/problem.ts";
import {
  type AlertKind,
  DEFAULT_REPEAT,
  isFor,
  notifiersOf,
  type NotifyRule,
  notifyRules,
} from "../../../contract/alerts/notify.ts";
import { DEFAULT_GROUP } from "../../../contract/alerts/notifiers.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { PipelineRecord } from "../../store/ports/definitions.ts";
import type { Store } from "../../store/store.ts";

/** What something is wrong with: a pipeline, by its name, or a server. */
export type Subject = string | { readonly server: string };

/** A notifier that wants to hear of something. */
export interface Recipient {
  readonly notifier: string;
  /** One message for what happens within this time. */
  readonly groupMs: number;
  /** So much later it wants to hear again of what goes on. */
  readonly repeatMs: number;
}

/** What a definition wants of alerts. */
export type Wishes = Pick<PipelineDefinition, "notify" | "late_after" | "freshness" | "sensors" | "schedule">;

/** What revisions want, by their ids: they never change. Kept from one time to the next. */
export type KnownWishes = Map<string, Wishes>;

/** Definitions change now and then: what is not in force any more is forgotten when there are so many. */
const MOST_KNOWN = 10_000;

/** Looks up once what the definitions in force want; make one for each time that alerts are decided on. */
export class Recipients {
  readonly #store: Store;
  readonly #known: KnownWishes;
  readonly #records = new Map<string, Pick<PipelineRecord, "revision"> | undefined>();
  #groups: ReadonlyMap<string, number> | undefined;

  constructor(store: Store, known: KnownWishes) {
    this.#store = store;
    this.#known = known;
    if (known.size > MOST_KNOWN) known.clear();
  }

  /** What the definition in force wants; nothing where there is none. */
  async wishes({ name, revision }: Pick<PipelineRecord, "name" | "revision">): Promise<Wishes> {
    this.#records.set(name, { revision });
    if (revision === null) return {};
    const known = this.#known.get(revision);
    if (known !== undefined) return known;
    const head = await this.#store.revisions.head(revision);
    const { notify, late_after: lateAfter, freshness, sensors, schedule } = head?.definition ?? {};
    const wishes = {
      ...(notify === undefined ? {} : { notify }),
      ...(lateAfter === undefined ? {} : { late_after: lateAfter }),
      ...(freshness === undefined ? {} : { freshness }),
      ...(sensors === undefined ? {} : { sensors }),
      ...(schedule === undefined ? {} : { schedule }),
    };
    this.#known.set(revision, wishes);
    return wishes;
  }

  /**
   * Who wants to hear of this, each once. `of` is what a recovery is the end of. Of a server hears who hears of failures
   * of any pipeline: those cannot run either.
   */
  async of(
    subject: Subject,
    kind: AlertKind | ServerKind,
    of?: AlertKind | ServerKind,
  ): Promise<Recipient[]> {
    const found = new Map<string, Recipient>();
    for (const rule of await this.#rulesOf(subject)) {
      if (!isFor(rule, ruleKind(kind), of && ruleKind(of))) continue;
      const repeatMs = durationMs(rule.repeat ?? DEFAULT_REPEAT);
      for (const notifier of notifiersOf(rule)) {
        const known = found.get(notifier);
        if (known !== undefined && known.repeatMs <= repeatMs) continue;
        found.set(notifier, { notifier, repeatMs, groupMs: await this.#groupMs(notifier) });
      }
    }
    return [...found.values()];
  }

  async #rulesOf(subject: Subject): Promise<readonly NotifyRule[]> {
    if (typeof subject === "string") return notifyRules((await this.#wishesOf(subject)).notify);
    const wishes: Wishes[] = [];
    for (const record of await this.#store.pipelines.list()) wishes.push(await this.wishes(record));
    return wishes.flatMap(({ notify }) => notifyRules(notify));
  }

  async #wishesOf(pipeline: string): Promise<Wishes> {
    if (!this.#records.has(pipeline)) {
      this.#records.set(pipeline, await this.#store.pipelines.get(pipeline));
    }
    const record = this.#records.get(pipeline);
    return record === undefined ? {} : await this.wishes({ name: pipeline, revision: record.revision });
  }

  async #groupMs(notifier: string): Promise<number> {
    this.#groups ??= new Map(
      Object.entries(await this.#store.alerts.notifiers()).map(([name, { group }]) => [
        name,
        durationMs(typeof group === "string" ? group : DEFAULT_GROUP),
      ]),
    );
    return this.#groups.get(notifier) ?? durationMs(DEFAULT_GROUP);
  }
}

/** As rules call it. */
const ruleKind = (kind: AlertKind | ServerKind): AlertKind => isServerKind(kind) ? "failure" : kind;

const isServerKind = (kind: AlertKind | ServerKind): kind is ServerKind =>
  SERVER_KINDS.some((one) => one === kind);
