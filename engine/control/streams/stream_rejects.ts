import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { namesLoad } from "../../../contract/loads/verification.ts";
import type { NamedLoad } from "../../../contract/pipeline/named_loads.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { RejectChange, RejectsChange, RejectSummary, StreamRejects } from "../../../contract/rejects.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import type { StreamSchema } from "../../../contract/stream_schema.ts";
import { isSameName } from "../../../contract/sql.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import {
  changeRejects,
  type ChangeRejectsContext,
  type LoadOfRejects,
} from "../../runs/streams/change_rejects.ts";
import type { PublishedFolder } from "../../runs/streams/published.ts";
import type { Store } from "../../store/store.ts";
import { revisionInForce } from "../pipeline_record.ts";

export interface RejectsContext extends ChangeRejectsContext {
  readonly store: Store;
  readonly schemas: PublishedFolder<StreamSchema>;
  /** The streams of the definition in force. Throws not_found. */
  readonly streams: (pipeline: string) => Promise<Readonly<Record<string, StreamDefinition>>>;
  /** Its loads. */
  readonly loads: (pipeline: string) => Promise<readonly NamedLoad[]>;
}

/** What can be asked of rows that did not fit a stream, or that a load's destination did not want, and of columns. */
export class StreamRejectsPort {
  readonly #context: RejectsContext;

  constructor(context: RejectsContext) {
    this.#context = context;
  }

  async list(pipeline: string): Promise<RejectSummary[]> {
    const { rejects, streams, loads } = this.#context;
    const steps = (await loads(pipeline)).map(({ step }) => step);
    const found = await rejects.list(pipeline, [...Object.keys(await streams(pipeline)), ...steps]);
    return found.map(({ rejects: _, ...summary }) => summary);
  }

  async get(pipeline: string, stream: string): Promise<StreamRejects> {
    const { name } = await this.#subject(pipeline, stream);
    const none = { stream: name, count: 0, reason: "", run: null, rejects: [] };
    return await this.#context.rejects.get(pipeline, name) ??
      { ...none, changed_at: new Date(0).toISOString() };
  }

  async schema(pipeline: string, stream: string): Promise<StreamSchema> {
    const children = Object.keys(childTablesBy(await this.#context.streams(pipeline)));
    const child = children.find((table) => isSameName(table, stream.replace(/^raw\./, "")));
    const name = child ?? (await this.#stream(pipeline, stream)).name;
    return await this.#context.schemas.get(pipeline, name) ?? { stream: name, versions: [] };
  }

  async change(
    pipeline: string,
    stream: string,
    change: RejectsChange,
    signal: AbortSignal,
  ): Promise<RejectChange> {
    const { action, positions } = change;
    const { name, definition } = await this.#subject(pipeline, stream);
    if (action === "replay" && definition !== undefined && positions !== undefined) {
      throw new AppError(
        "invalid",
        `Cannot replay some rejects of "${name}": a stream's are replayed all at once, only those of a load can be chosen`,
      );
    }
    if (await this.#context.store.runs.isActive(pipeline)) {
      throw new AppError(
        "conflict",
        `Cannot ${action} the rejects of "${name}": a run of "${pipeline}" is under way, wait for its end`,
      );
    }
    const load = action === "replay" && definition === undefined
      ? await this.#load(pipeline, name)
      : undefined;
    return await changeRejects(
      this.#context,
      { ...change, pipeline, stream: name, definition, load },
      signal,
    );
  }

  /** What a load's rows are sent again with: its definition in force, and the run that kept them. */
  async #load(pipeline: string, step: string): Promise<LoadOfRejects> {
    const { store, rejects } = this.#context;
    const revision = (await revisionInForce(store, pipeline))?.revision;
    if (revision === undefined) {
      throw new AppError("invalid", `Cannot replay the rejects of "${step}": no definition is in force`);
    }
    const runId = (await rejects.get(pipeline, step))?.rejects[0]?.run ?? "";
    const run = await store.runs.get(runId);
    return {
      revision: { ...revision, connectors: await store.revisions.connectors(revision.id) },
      run: {
        runId,
        pipeline,
        params: run?.params ?? {},
        windowStartMs: run === undefined || run.window_start === null ? null : Date.parse(run.window_start),
        windowEndMs: run === undefined ? Date.now() : Date.parse(run.window_end),
      },
    };
  }

  /** A stream, or the step of a load, which has no definition of a stream. Throws not_found. */
  async #subject(
    pipeline: string,
    asked: string,
  ): Promise<{ readonly name: string; readonly definition?: StreamDefinition }> {
    const named = (await this.#context.loads(pipeline)).filter(({ step }) => namesLoad(asked, step));
    const isLoad = asked.startsWith("load:") || /→|->/.test(asked);
    if (isLoad && named[0] !== undefined) return { name: named[0].step };
    try {
      return await this.#stream(pipeline, asked);
    } catch (error) {
      if (named.length === 1 && named[0] !== undefined) return { name: named[0].step };
      throw error;
    }
  }

  async #stream(pipeline: string, stream: string): Promise<{ name: string; definition: StreamDefinition }> {
    const streams = Object.entries(await this.#context.streams(pipeline));
    const asked = stream.replace(/^raw\./, "");
    const [name, definition] = streams.find(([name]) => isSameName(name, asked)) ?? [];
    if (name !== undefined && definition !== undefined) return { name, definition };
    const meant = didYouMeanOneOf(asked, streams.map(([name]) => name));
    throw new AppError("not_found", `Pipeline "${pipeline}" has no stream ${quoteName(asked)}${meant}`);
  }
}
