import {
  type AlertKind,
  DEFAULT_REPEAT,
  isFor,
  notifiersOf,
  notifyRules,
} from "../../../contract/alerts/notify.ts";
import { DEFAULT_GROUP } from "../../../contract/alerts/notifiers.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { Store } from "../../store/store.ts";

/** A notifier that wants to hear of something. */
export interface Recipient {
  readonly notifier: string;
  /** One message for what happens within this time. */
  readonly groupMs: number;
  /** So much later it wants to hear again of what goes on. */
  readonly repeatMs: number;
}

/** Looks up once what the definitions in force want; make one for each time that alerts are decided on. */
export class Recipients {
  readonly #store: Store;
  readonly #definitions = new Map<string, PipelineDefinition | undefined>();
  #groups: ReadonlyMap<string, number> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The definition in force; undefined where the pipeline was removed. */
  async definition(pipeline: string): Promise<PipelineDefinition | undefined> {
    if (this.#definitions.has(pipeline)) return this.#definitions.get(pipeline);
    const revision = (await this.#store.pipelines.get(pipeline))?.revision ?? null;
    const head = revision === null ? undefined : await this.#store.revisions.head(revision);
    this.#definitions.set(pipeline, head?.definition);
    return head?.definition;
  }

  /** Who wants to hear of this, each once. `of` is what a recovery is the end of. */
  async of(pipeline: string, kind: AlertKind, of?: AlertKind): Promise<Recipient[]> {
    const found = new Map<string, Recipient>();
    for (const rule of notifyRules((await this.definition(pipeline))?.notify)) {
      if (!isFor(rule, kind, of)) continue;
      const repeatMs = durationMs(rule.repeat ?? DEFAULT_REPEAT);
      for (const notifier of notifiersOf(rule)) {
        const known = found.get(notifier);
        if (known !== undefined && known.repeatMs <= repeatMs) continue;
        found.set(notifier, { notifier, repeatMs, groupMs: await this.#groupMs(notifier) });
      }
    }
    return [...found.values()];
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
