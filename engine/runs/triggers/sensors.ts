import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import { type SensorDefinition, sensorKey } from "../../../contract/triggers/sensors.ts";
import type { Store } from "../../store/store.ts";
import type { Sensing, SensorMark } from "../../store/triggers/sensors.ts";
import { repeat } from "../repeat.ts";
import type { Service } from "../service.ts";
import { type Files, filesText, newSettled } from "./new_files.ts";

/** How often what is due is found out. */
const TICK_MS = 5_000;
/** A look is a process. */
const LOOKS_AT_ONCE = 2;
/** So long after it was first seen a file is looked at again: one that is still being written has changed. */
const SETTLE_MS = 5_000;

export interface SensorsContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** The tags of the files that the path or glob names, by their names. Throws what the connector's system answers. */
  readonly look: (connector: string, path: string, signal: AbortSignal) => Promise<Files>;
  /** Queues the run; the same one for a key that it has had. Throws as a request for a run does. */
  readonly start: (
    pipeline: string,
    run: { readonly triggeredBy: string; readonly idempotencyKey: string },
  ) => Promise<void>;
}

interface Sensor {
  readonly sensing: Sensing;
  readonly definition: SensorDefinition;
  readonly key: string;
}

/** What was seen at the last look and has started no run. */
interface Settling {
  readonly files: Files;
  readonly seenAtMs: number;
}

/**
 * Looks for the files that pipelines wait for, and starts a run when some are new or have changed. What it has found
 * is written down with the run that is due before that is queued, so that it is queued once whatever dies.
 */
export class Sensors implements Service {
  readonly #context: SensorsContext;
  readonly #stopping = new AbortController();
  readonly #settling = new Map<string, Settling>();
  #loop: Promise<void> | undefined;

  constructor(context: SensorsContext) {
    this.#context = context;
  }

  start(): void {
    const { clock, log } = this.#context;
    this.#loop = repeat(() => this.lookAtDue(), {
      clock,
      signal: this.#stopping.signal,
      firstAfterMs: 0,
      everyMs: TICK_MS,
      onError: (error) =>
        log("error", "files could not be looked for; trying again", { error: String(error) }),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Looks once at each sensor that is due. Throws what the store throws. */
  async lookAtDue(): Promise<void> {
    const { store, clock } = this.#context;
    const sensing = (await store.sensors.list()).filter(({ paused }) => !paused);
    if (sensing.length === 0) return;
    const states = new Map((await store.sensors.states())
      .map(({ pipeline, sensor, lookedAtMs }) => [`${pipeline} ${sensor}`, lookedAtMs]));
    const due = sensing
      .flatMap((one) =>
        one.sensors.map((definition): Sensor => ({ sensing: one, definition, key: sensorKey(definition) }))
      )
      .filter((sensor) => this.#isDue(sensor, states.get(idOf(sensor)), clock.now()));
    const next = due.values();
    const work = async () => {
      for (const sensor of next) {
        if (this.#stopping.signal.aborted) return;
        await this.#lookAt(sensor);
      }
    };
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work));
  }

  /** Also where the clock was set back behind the last look: nobody knows how long that is ago. */
  #isDue(sensor: Sensor, lookedAtMs: number | undefined, nowMs: number): boolean {
    if (lookedAtMs === undefined || nowMs < lookedAtMs) return true;
    const settling = this.#settling.get(idOf(sensor));
    return nowMs >=
      (settling === undefined
        ? lookedAtMs + durationMs(sensor.definition.every)
        : settling.seenAtMs + SETTLE_MS);
  }

  async #lookAt(sensor: Sensor): Promise<void> {
    const { store, clock, look } = this.#context;
    const { sensing: { pipeline }, definition: { connector, path }, key } = sensor;
    const known = await store.sensors.get(pipeline, key);
    const nowMs = clock.now();
    if (known !== undefined && known.pending !== null) {
      return await this.#queue(sensor, known, known.pending);
    }
    let files: Files;
    try {
      files = await look(connector, path, this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) await this.#noteFailure(sensor, known, toAppError(error));
      return;
    }
    const { found, settling, next } = newSettled({
      known: known?.files ?? {},
      files,
      before: this.#settling.get(idOf(sensor))?.files ?? {},
    });
    if (Object.keys(settling).length === 0) this.#settling.delete(idOf(sensor));
    else this.#settling.set(idOf(sensor), { files: settling, seenAtMs: nowMs });
    const state = {
      lookedAtMs: nowMs,
      waitingSinceMs: known?.waitingSinceMs ?? nowMs,
      found: known?.found ?? null,
      foundAtMs: known?.foundAtMs ?? null,
      error: null,
    };
    const names = Object.keys(found);
    if (names.length === 0) {
      const isSame = known !== undefined && Object.keys(known.files).length === Object.keys(next).length;
      if (isSame) await store.sensors.putState(pipeline, key, state);
      else await store.sensors.put(pipeline, key, { ...state, files: next, pending: null });
      return;
    }
    if (await this.#isHeldUp(sensor)) {
      // They are found again when the run that waits has begun.
      this.#settling.set(idOf(sensor), { files: { ...settling, ...found }, seenAtMs: nowMs });
      return await store.sensors.putState(pipeline, key, state);
    }
    const shown = filesText(names);
    const pending = { key: `sensor ${key} ${await digestOf([found, state.foundAtMs])}`, files: shown };
    const mark = { ...state, waitingSinceMs: nowMs, found: shown, foundAtMs: nowMs, files: next, pending };
    await store.sensors.put(pipeline, key, mark);
    await this.#queue(sensor, mark, pending);
  }

  /**
   * Whether a run waits in the queue already. It may have read some files before, in an attempt that failed. Those of a
   * backfill wait for as long as it lasts.
   */
  async #isHeldUp({ sensing: { pipeline, overlap } }: Sensor): Promise<boolean> {
    if (overlap === "queue") return false;
    return await this.#context.store.runs.isQueued(pipeline, "backfill");
  }

  async #queue(
    { sensing: { pipeline }, key }: Sensor,
    mark: SensorMark,
    pending: NonNullable<SensorMark["pending"]>,
  ): Promise<void> {
    const { store, log, start } = this.#context;
    let error: string | null = null;
    try {
      await start(pipeline, { triggeredBy: pending.files, idempotencyKey: pending.key });
    } catch (caught) {
      const { code, message } = toAppError(caught);
      // Anything else may pass: the run is still due at the next look.
      if (code !== "invalid" && code !== "not_found") throw caught;
      log("error", "the run of files that were found could not be queued", { pipeline, error: message });
      error = message;
    }
    await store.sensors.put(pipeline, key, { ...mark, pending: null, error });
  }

  async #noteFailure(
    { sensing: { pipeline }, definition: { connector, path }, key }: Sensor,
    known: SensorMark | undefined,
    error: AppError,
  ): Promise<void> {
    const { store, clock, log } = this.#context;
    const nowMs = clock.now();
    if (known?.error !== error.message) {
      log("warn", "files could not be looked for", { pipeline, connector, path, error: error.message });
    }
    await store.sensors.putState(pipeline, key, {
      lookedAtMs: nowMs,
      waitingSinceMs: known?.waitingSinceMs ?? nowMs,
      found: known?.found ?? null,
      foundAtMs: known?.foundAtMs ?? null,
      error: error.message,
    });
  }
}

/** The same on each server that has found the same since the same time. */
async function digestOf(value: unknown): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(value)));
  return new Uint8Array(bytes).toHex().slice(0, 32);
}

const idOf = ({ sensing: { pipeline }, key }: Sensor): string => `${pipeline} ${key}`;
