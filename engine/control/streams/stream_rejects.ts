import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { namesLoad } from "../../../contract/loads/verification.ts";
import type { NamedLoad } from "../../../contract/pipeline/named_loads.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { RejectChange, RejectSummary, StreamRejects } from "../../../contract/rejects.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import type { StreamSchema } from "../../../contract/stream_schema.ts";
import { isSameName } from "../../../contract/sql.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { changeRejects, type ChangeRejectsContext } from "../../runs/streams/change_rejects.ts";
import type { PublishedFolder } from "../../runs/streams/published.ts";
import type { Store } from "../../store/store.ts";

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
    action: "replay" | "drop",
    signal: AbortSignal,
  ): Promise<RejectChange> {
    const { name, definition } = await this.#subject(pipeline, stream);
    if (action === "replay" && definition === undefined) {
      throw new AppError(
        "invalid",
        `Cannot replay the rejects of "${name}": a load's rows are sent again by the next run, which keeps those that ` +
          "are rejected once more; drop removes them",
      );
    }
    if (await this.#context.store.runs.isActive(pipeline)) {
      throw new AppError(
        "conflict",
        `Cannot ${action} the rejects of "${name}": a run of "${pipeline}" is under way, wait for its end`,
      );
    }
    return await changeRejects(this.#context, { pipeline, stream: name, definition, action }, signal);
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
