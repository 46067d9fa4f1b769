import { ofStream } from "../../../connectors/of_stream.ts";
import type { FollowMessage, FollowProgress } from "../../../contract/connector/changes.ts";
import type { FollowedStream, Source } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { LogLevel } from "../../../contract/log.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { ChangeSink } from "./change_sink.ts";

export interface FollowContext {
  readonly session: DuckSession;
  readonly pipeline: string;
  readonly token: string;
  readonly signal: AbortSignal;
  /** `stream` is null for what concerns all of them. */
  readonly log: (level: LogLevel, stream: string | null, message: string) => void;
  readonly onProgress: (progress: FollowProgress) => void;
  readonly reach: (point: "before checkpoint" | "after checkpoint" | "after read") => void;
}

/**
 * Follows streams of one source, all in one transaction from commit to commit: tables that changed together
 * are seen together. `record` runs in the last one. The source is asked for more only when a commit is done,
 * so that it forgets nothing that is not stored. Throws StreamsFailed where only some streams cannot be followed.
 */
export async function followStreams(
  context: FollowContext,
  source: Source,
  sinks: ReadonlyMap<string, ChangeSink>,
  streams: readonly FollowedStream[],
  resting: readonly FollowedStream[],
  record: () => Promise<void>,
): Promise<void> {
  const { session, pipeline, token, signal } = context;
  if (source.follow === undefined) {
    throw new AppError("invalid", "mode cdc: the connector cannot follow changes; use another mode");
  }
  let isOver = false;
  let transaction = await session.begin();
  const messages = source.follow({ pipeline, token, streams, resting }, signal);
  const intake = new Intake(sinks);
  try {
    for await (const message of messages) {
      signal.throwIfAborted();
      if (message.type === "log") {
        context.log(message.level, null, message.message);
      } else if (message.type === "progress") {
        context.onProgress(message.progress);
      } else if (message.type === "commit") {
        for (const [name, sink] of sinks) await workOf(name, () => sink.settle());
        for (const [name, state] of Object.entries(message.states)) {
          await intake.of(name).writeState(state, message.isLast);
        }
        isOver = message.isLast;
        if (isOver) await record();
        context.reach("before checkpoint");
        await transaction.commit();
        context.reach("after checkpoint");
        transaction = await session.begin();
      } else {
        if (message.type === "snapshot") {
          context.log("info", message.stream, `Reads the whole table: ${message.reason}`);
        }
        await workOf(message.stream, () => intake.take(message));
      }
    }
    if (!isOver) throw new AppError("internal", "The source ended without its last commit");
  } finally {
    for (const sink of sinks.values()) await sink[Symbol.asyncDispose]();
    await transaction[Symbol.asyncDispose]();
  }
}

/** Does something of one stream. Throws StreamsFailed where the stream is what cannot be done. */
export async function workOf<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ofStream(name, error);
  }
}

/** Hands messages to their streams' sinks, of which one at a time writes. */
class Intake {
  readonly #sinks: ReadonlyMap<string, ChangeSink>;
  #writing: ChangeSink | undefined;

  constructor(sinks: ReadonlyMap<string, ChangeSink>) {
    this.#sinks = sinks;
  }

  of(name: string): ChangeSink {
    const sink = this.#sinks.get(name);
    if (sink !== undefined) return sink;
    throw new AppError("internal", `The source sent something of stream "${name}", which nobody asked for`);
  }

  async take(
    message: Extract<FollowMessage, { readonly type: "snapshot" | "rows" | "changes" }>,
  ): Promise<void> {
    const sink = this.of(message.stream);
    if (this.#writing !== sink) await this.#writing?.pause();
    this.#writing = sink;
    switch (message.type) {
      case "snapshot":
        return await sink.begin();
      case "rows":
        return await sink.takeRows(message.batch);
      case "changes":
        return await sink.takeChanges(message);
    }
  }
}
