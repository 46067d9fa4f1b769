import type { Clock } from "../../contract/clock.ts";
import { AppError, toErrorRecord } from "../../contract/errors.ts";
import type { KnownLoad } from "../../contract/job.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import { type NamedLoad, namedLoads } from "../../contract/pipeline/named_loads.ts";
import { addressText, type PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { isWildcard, loadOfStream } from "../../contract/pipeline/wildcard.ts";
import type { Revision } from "../../contract/revision.ts";
import {
  isVerified,
  loadName,
  type LoadSummary,
  type LoadVerification,
  namesLoad,
  type Receipt,
  type Verification,
} from "../../contract/loads/verification.ts";
import { didYouMeanOneOf, listWords } from "../../text/suggest.ts";
import { hasWarehouse } from "../runs/attempt/process_grant.ts";
import { verifyLoads, type VerifyLoadsContext } from "../runs/loads/verify_loads.ts";
import type { PublishedFolder } from "../runs/streams/published.ts";
import type { LastLoad, Store } from "../store/store.ts";
import { modelName } from "../../sql/language/model.ts";
import { pipelineRecord } from "./pipeline_record.ts";
import { streamsSeen } from "./wildcard_streams.ts";

export interface PipelineLoadsContext extends VerifyLoadsContext {
  readonly store: Store;
  readonly clock: Clock;
  /** The last verification of each pipeline. */
  readonly verifications: PublishedFolder<Verification>;
}

/** Among the verifications of a pipeline: the last one, and the last of each load. */
const LAST = "last";
const KNOWN = "known";

interface UnderWay {
  verification: Verification;
  readonly stop: AbortController;
  /** Where its process works, by name. */
  readonly folder: string;
  /** Never rejects. */
  readonly done: Promise<void>;
}

/** What loads have left at their targets, and whether it is still there. */
export class PipelineLoads implements AsyncDisposable {
  readonly #context: PipelineLoadsContext;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(context: PipelineLoadsContext) {
    this.#context = context;
  }

  /** The names of the folders that its processes have now among those where runs spill. */
  get folders(): readonly string[] {
    return [...this.#underWay.values()].map(({ folder }) => folder);
  }

  /** The loads of the definition in force, in its order. Throws not_found. */
  async list(pipeline: string): Promise<LoadSummary[]> {
    const revision = await this.#revision(pipeline);
    if (revision === undefined) return [];
    const loads = await this.#loads(pipeline, revision.definition);
    const last = await this.#lastLoads(pipeline, loads);
    const verified = (await this.#context.verifications.get(pipeline, KNOWN))?.loads ?? [];
    const models = new Set(revision.files.map(({ path }) => modelName(path)));
    return loads.map(({ table, step, target }) => {
      const found = verified.find(({ load }) => load === step);
      const known = last.get(step);
      return {
        load: step,
        table: models.has(table) ? table : `raw.${table}`,
        connector: target.connector,
        target: addressText(target),
        mode: target.mode,
        receipt: known === undefined ? null : receiptOf(known),
        verification: found === undefined ? null : {
          verdict: found.verdict,
          verified_at: found.verified_at,
          run: found.receipt?.run ?? null,
        },
      };
    });
  }

  /** The one under way, or the last. Throws not_found. */
  async verification(pipeline: string): Promise<Verification> {
    await pipelineRecord(this.#context.store, pipeline);
    return this.#underWay.get(pipeline)?.verification ??
      await this.#context.verifications.get(pipeline, LAST) ?? noVerification(pipeline);
  }

  /**
   * Begins to read targets back; returns how it stands then. Throws not_found, also for a load that there is not,
   * conflict where one is under way or a run is, invalid where nothing can have been loaded.
   */
  async start(pipeline: string, load: string | null, by: string): Promise<Verification> {
    const subject = `Cannot verify the loads of "${pipeline}"`;
    const { store, clock, dataDir } = this.#context;
    const revision = await this.#revision(pipeline);
    if (revision === undefined) throw new AppError("invalid", `${subject}: no definition is in force`);
    const loads = await this.#loads(pipeline, revision.definition);
    requireLoad(pipeline, loads, load);
    if (await store.runs.isActive(pipeline)) {
      throw new AppError("conflict", `${subject}: a run of it is under way, wait for its end`);
    }
    if (!await hasWarehouse(dataDir, pipeline)) {
      throw new AppError("invalid", `${subject}: it has never run`);
    }
    if (this.#underWay.has(pipeline)) {
      throw new AppError("conflict", `${subject}: they are being verified already`);
    }
    const stop = new AbortController();
    const verification: Verification = {
      pipeline,
      load,
      state: "running",
      started_at: new Date(clock.now()).toISOString(),
      finished_at: null,
      started_by: by,
      error: null,
      ok: false,
      loads: [],
    };
    const begun = Promise.withResolvers<void>();
    const underWay: UnderWay = {
      verification,
      stop,
      folder: `verify-${crypto.randomUUID()}`,
      done: begun.promise.then(() => this.#carryOut(underWay, revision, loads, stop.signal)),
    };
    this.#underWay.set(pipeline, underWay);
    begun.resolve();
    return verification;
  }

  /** Stops the one under way; returns how it stands then. Throws not_found, conflict where none is. */
  async stop(pipeline: string, by: string): Promise<Verification> {
    await pipelineRecord(this.#context.store, pipeline);
    const underWay = this.#underWay.get(pipeline);
    if (underWay === undefined) {
      throw new AppError("conflict", `The loads of "${pipeline}" are not being verified`);
    }
    underWay.stop.abort(new AppError("cancelled", `Stopped by ${by}`));
    await underWay.done;
    return underWay.verification;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop, done } of [...this.#underWay.values()]) {
      stop.abort(new AppError("cancelled", "The server stopped"));
      await done;
    }
  }

  async #carryOut(
    underWay: UnderWay,
    revision: Revision,
    loads: readonly NamedLoad[],
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log, verifications } = this.#context;
    const { folder, verification: { pipeline, load } } = underWay;
    const end = (change: Pick<Verification, "state" | "error">) => {
      const { loads } = underWay.verification;
      underWay.verification = {
        ...underWay.verification,
        ...change,
        finished_at: new Date(clock.now()).toISOString(),
        ok: isVerified(change.state, loads),
      };
    };
    try {
      const receipts = await this.#receipts(pipeline, revision, loads);
      await verifyLoads(this.#context, { pipeline, revision, load, receipts, folder }, async (found) => {
        const settled = await this.#settled(pipeline, loads, receipts, found);
        const { verification } = underWay;
        underWay.verification = { ...verification, loads: [...verification.loads, settled] };
      }, signal);
      end({ state: "done", error: null });
    } catch (error) {
      end({ state: "failed", error: toErrorRecord(signal.aborted ? signal.reason : error) });
    }
    try {
      const { verification } = underWay;
      await verifications.put(pipeline, LAST, verification);
      const known = (await verifications.get(pipeline, KNOWN))?.loads ?? [];
      const others = known.filter(({ load }) => verification.loads.every((found) => found.load !== load));
      await verifications.put(pipeline, KNOWN, {
        ...verification,
        loads: [...others, ...verification.loads].filter(({ load }) =>
          loads.some(({ step }) => step === load)
        ),
      });
    } catch (error) {
      log("error", "a verification could not be kept", { pipeline, error: toErrorRecord(error).message });
    } finally {
      this.#underWay.delete(pipeline);
    }
  }

  /** What differs while a run loads differs because of that. */
  async #settled(
    pipeline: string,
    loads: readonly NamedLoad[],
    receipts: Readonly<Record<string, KnownLoad>>,
    found: LoadVerification,
  ): Promise<LoadVerification> {
    if (found.verdict === "same" || found.verdict === "not_verifiable") return found;
    const now = (await this.#lastLoads(pipeline, loads)).get(found.load);
    const isAnother = now !== undefined && now.run.id !== receipts[found.load]?.receipt.run;
    if (!isAnother && !await this.#context.store.runs.isActive(pipeline)) return found;
    return {
      ...found,
      verdict: "not_verifiable",
      message: "A run has begun since, which may have changed the target: verify again when it has ended",
    };
  }

  /** Throws not_found; undefined where no definition is in force. */
  async #revision(pipeline: string): Promise<Revision | undefined> {
    const { store } = this.#context;
    const { revision } = await pipelineRecord(store, pipeline);
    return revision === null ? undefined : (await store.revisions.get(revision))?.revision;
  }

  /** Those of wildcards for the streams that runs have seen. */
  async #loads(pipeline: string, definition: PipelineDefinition): Promise<readonly NamedLoad[]> {
    const wildcards = Object.entries(definition.extract).filter(([, stream]) => isWildcard(stream));
    if (wildcards.length === 0) return namedLoads(definition.load);
    const seen = Object.keys(await streamsSeen(this.#context.store, pipeline, definition.extract));
    const load: Record<string, PipelineDefinition["load"][string]> = {};
    for (const [table, targets] of Object.entries(definition.load)) {
      if (!wildcards.some(([name]) => name === table)) load[table] = targets;
    }
    for (const [wildcard] of wildcards) {
      const targets = definition.load[wildcard];
      if (targets === undefined) continue;
      for (const stream of seen.filter((name) => !Object.hasOwn(definition.extract, name))) {
        load[stream] ??= loadTargets(targets).map((target) => loadOfStream(target, stream));
      }
    }
    return namedLoads(load);
  }

  async #lastLoads(pipeline: string, loads: readonly NamedLoad[]): Promise<ReadonlyMap<string, LastLoad>> {
    const found = await this.#context.store.runs.lastLoads(pipeline, loads.map(({ step }) => step));
    return new Map(found.map((one) => [one.step.name, one]));
  }

  async #receipts(
    pipeline: string,
    revision: Revision,
    loads: readonly NamedLoad[],
  ): Promise<Record<string, KnownLoad>> {
    const known: Record<string, KnownLoad> = {};
    for (const [step, last] of await this.#lastLoads(pipeline, loads)) {
      const { run } = last;
      const earlier = run.revision === revision.id
        ? revision
        : (await this.#context.store.revisions.get(run.revision))?.revision;
      const before = earlier === undefined
        ? undefined
        : (await this.#loads(pipeline, earlier.definition)).find((load) => load.step === step);
      const load = loads.find((load) => load.step === step);
      known[step] = {
        receipt: receiptOf(last),
        isUnchanged: before === undefined || load === undefined || earlier === undefined ||
          placeOf(before, earlier) === placeOf(load, revision),
        params: run.params,
        windowStartMs: run.window_start === null ? null : Date.parse(run.window_start),
        windowEndMs: Date.parse(run.window_end),
      };
    }
    return known;
  }
}

const noVerification = (pipeline: string): Verification => ({
  pipeline,
  load: null,
  state: "none",
  started_at: null,
  finished_at: null,
  started_by: null,
  error: null,
  ok: false,
  loads: [],
});

/** What decides where a load's rows go, and which they are. */
function placeOf({ target }: NamedLoad, { connectors }: Pick<Revision, "connectors">): string {
  const { verify: _, pre_sql: __, post_sql: ___, changed_only: ____, ...rest } = target;
  return JSON.stringify([rest, connectors[target.connector] ?? null]);
}

function receiptOf({ run, step }: LastLoad): Receipt {
  const { rows, size_bytes, inserted, updated, deleted, hash, verified } = step;
  return {
    run: run.id,
    loaded_at: step.finished_at ?? run.created_at,
    rows,
    size_bytes,
    ...(inserted === undefined ? {} : { inserted }),
    ...(updated === undefined ? {} : { updated }),
    ...(deleted === undefined ? {} : { deleted }),
    ...(hash === undefined ? {} : { hash }),
    ...(verified === undefined ? {} : { verified }),
  };
}

function requireLoad(pipeline: string, loads: readonly NamedLoad[], asked: string | null): void {
  if (loads.length === 0) throw new AppError("invalid", `Pipeline "${pipeline}" has no loads`);
  if (asked === null || loads.some(({ step }) => namesLoad(asked, step))) return;
  const names = loads.map(({ step }) => loadName(step));
  const meant = didYouMeanOneOf(asked, names) || `: it has ${listWords(names, "and")}`;
  throw new AppError("not_found", `Pipeline "${pipeline}" has no load "${asked}"${meant}`);
}
