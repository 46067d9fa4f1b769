import type { Clock } from "../../../contract/clock.ts";
import { AppError, type ErrorRecord, toErrorRecord } from "../../../contract/errors.ts";
import type { KnownLoad } from "../../../contract/jobs/verify_job.ts";
import {
  isVerified,
  loadName,
  type LoadSummary,
  type LoadVerification,
  namesLoad,
  noVerification,
  type Verification,
} from "../../../contract/loads/verification.ts";
import type { NamedLoad } from "../../../contract/pipeline/named_loads.ts";
import { addressText } from "../../../contract/pipeline/pipeline.ts";
import type { ReadableRevision } from "../../../contract/revision.ts";
import { tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import { didYouMeanOneOf, listWords } from "../../../text/suggest.ts";
import { hasWarehouse } from "../../runs/attempt/process_grant.ts";
import { verifyLoads, type VerifyLoadsContext } from "../../runs/loads/verify_loads.ts";
import type { PublishedFolder } from "../../runs/streams/published.ts";
import type { Store } from "../../store/store.ts";
import { pipelineRecord, revisionInForce } from "../pipeline_record.ts";
import { loadsSeen } from "../wildcard_streams.ts";
import { knownLoads, lastLoads, receiptOf } from "./known_loads.ts";

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
    const { store, verifications } = this.#context;
    const revision = (await revisionInForce(store, pipeline))?.revision;
    if (revision === undefined) return [];
    const loads = await loadsSeen(store, revision);
    const last = await lastLoads(store, pipeline, loads);
    const verified = (await verifications.get(pipeline, KNOWN))?.loads ?? [];
    const models = new Set(tablesMadeBy(revision.files));
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
    const revision = (await revisionInForce(store, pipeline))?.revision;
    if (revision === undefined) throw new AppError("invalid", `${subject}: no definition is in force`);
    const loads = await loadsSeen(store, revision);
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
    const underWay: UnderWay = {
      verification,
      stop,
      folder: `verify-${crypto.randomUUID()}`,
      // It begins when it is known to be under way.
      done: Promise.resolve().then(() => this.#carryOut(underWay, revision, loads)),
    };
    this.#underWay.set(pipeline, underWay);
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
    revision: ReadableRevision,
    loads: readonly NamedLoad[],
  ): Promise<void> {
    const { store, clock, log } = this.#context;
    const { folder, stop: { signal }, verification: { pipeline, load } } = underWay;
    const change = (changed: Partial<Verification>) => {
      underWay.verification = { ...underWay.verification, ...changed };
    };
    let error: ErrorRecord | null = null;
    try {
      const receipts = await knownLoads(store, revision, loads);
      const connectors = await store.revisions.connectors(revision.id);
      const whole = { ...revision, connectors };
      await verifyLoads(
        this.#context,
        { pipeline, revision: whole, load, receipts, folder },
        async (found) => {
          const settled = await this.#settled(pipeline, loads, receipts, found);
          change({ loads: [...underWay.verification.loads, settled] });
        },
        signal,
      );
    } catch (thrown) {
      error = toErrorRecord(signal.aborted ? signal.reason : thrown);
    }
    const state = error === null ? "done" : "failed";
    change({
      state,
      error,
      finished_at: new Date(clock.now()).toISOString(),
      ok: isVerified(state, underWay.verification.loads),
    });
    try {
      await this.#keep(underWay.verification, loads);
    } catch (error) {
      log("error", "a verification could not be kept", { pipeline, error: toErrorRecord(error).message });
    } finally {
      this.#underWay.delete(pipeline);
    }
  }

  /** As the last one of the pipeline, and what it has found of its loads beside what is known of the others. */
  async #keep(verification: Verification, loads: readonly NamedLoad[]): Promise<void> {
    const { verifications } = this.#context;
    const { pipeline } = verification;
    await verifications.put(pipeline, LAST, verification);
    const known = (await verifications.get(pipeline, KNOWN))?.loads ?? [];
    const others = known.filter(({ load }) => verification.loads.every((found) => found.load !== load));
    await verifications.put(pipeline, KNOWN, {
      ...verification,
      loads: [...others, ...verification.loads].filter(({ load }) => loads.some(({ step }) => step === load)),
    });
  }

  /** What differs while a run loads differs because of that. */
  async #settled(
    pipeline: string,
    loads: readonly NamedLoad[],
    receipts: Readonly<Record<string, KnownLoad>>,
    found: LoadVerification,
  ): Promise<LoadVerification> {
    if (found.verdict === "same" || found.verdict === "not_verifiable") return found;
    const { store } = this.#context;
    const now = (await lastLoads(store, pipeline, loads)).get(found.load);
    const isAnother = now !== undefined && now.run.id !== receipts[found.load]?.receipt.run;
    if (!isAnother && !await store.runs.isActive(pipeline)) return found;
    return {
      ...found,
      verdict: "not_verifiable",
      message: "A run has begun since, which may have changed the target: verify again when it has ended",
    };
  }
}

function requireLoad(pipeline: string, loads: readonly NamedLoad[], asked: string | null): void {
  if (loads.length === 0) throw new AppError("invalid", `Pipeline "${pipeline}" has no loads`);
  if (asked === null || loads.some(({ step }) => namesLoad(asked, step))) return;
  const names = loads.map(({ step }) => loadName(step));
  const meant = didYouMeanOneOf(asked, names) || `: it has ${listWords(names, "and")}`;
  throw new AppError("not_found", `Pipeline "${pipeline}" has no load "${asked}"${meant}`);
}
