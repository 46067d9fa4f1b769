import * as v from "valibot";
import type { Clock } from "../../../contract/clock.ts";
import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import { streamSchema } from "../../../contract/pipeline/stream.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { askSource, type DescribeContext } from "../describe_streams.ts";

/** What all files of a connector together may take. */
const TIME_MS = 5_000;

export interface DiscoveredColumnsContext extends Pick<DescribeContext, "connections" | "signal"> {
  /** Of a database that may read the files. */
  readonly session: DuckSession;
  /** The connector's name. */
  readonly connector: string;
  readonly clock: Clock;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/**
 * Adds columns to discovered streams of a system that keeps none, as files: they are found from the
 * beginning of the data, as a run finds them. A stream that cannot be described has none, and says why
 * in the log; so have those whose turn would come after five seconds.
 */
export class DiscoveredColumns {
  readonly #context: DiscoveredColumnsContext;
  readonly #deadlineMs: number;
  #unseen = 0;

  constructor(context: DiscoveredColumnsContext) {
    this.#context = context;
    this.#deadlineMs = context.clock.now() + TIME_MS;
  }

  async complete(stream: DiscoveredStream): Promise<DiscoveredStream> {
    if (stream.kind !== "file" || stream.columns.length > 0) return stream;
    const { connector, clock, session, signal, log } = this.#context;
    const leftMs = this.#deadlineMs - clock.now();
    if (leftMs <= 0) {
      this.#unseen += 1;
      return stream;
    }
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    using _interrupt = session.interruptOn(deadline);
    try {
      const definition = v.parse(streamSchema, { connector, ...stream.address });
      const columns = await askSource(this.#context, stream.name, definition, deadline);
      return {
        ...stream,
        columns: (columns ?? []).map(({ name, type }) => ({ name, type, nullable: true })),
      };
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted) this.#unseen += 1;
      else {log(
          "warn",
          `Discovering "${connector}": no columns of "${stream.name}": ${toAppError(error).message}`,
        );}
      return stream;
    }
  }

  /** Says how many streams were not looked at for want of time. */
  end(): void {
    if (this.#unseen === 0) return;
    const { connector, log } = this.#context;
    const files = this.#unseen === 1 ? "1 file" : `${this.#unseen} files`;
    log(
      "info",
      `Discovering "${connector}": columns of ${files} were not looked at, as that takes long`,
    );
  }
}
