import type { FollowProgress } from "../../../contract/connector/changes.ts";
import type { AppError } from "../../../contract/errors.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { readState } from "../../warehouse/stream_state.ts";
import type { Reporter } from "../reporter.ts";
import type { ChangeSink } from "./change_sink.ts";

export interface FollowStatusOptions {
  readonly connector: string;
  readonly token: string;
  /** All streams of the pipeline that follow the connector, in the order of its definition. */
  readonly streams: readonly string[];
  readonly reporter: Reporter;
}

/** How far the streams of one connector are, as the run finds it: reported at each look, with what was wrong. */
export class FollowStatus {
  readonly #options: FollowStatusOptions;
  readonly #lastChanges = new Map<string, number>();
  readonly #failures = new Map<string, AppError>();
  readonly #warnings = new Set<string>();
  #progress: FollowProgress | undefined;
  #upToMs: number | null = null;

  constructor(options: FollowStatusOptions) {
    this.#options = options;
  }

  /** Whether anything was found that a person has to look at. */
  get hasWarned(): boolean {
    return this.#warnings.size > 0;
  }

  /** Reads when the streams last changed, of those that are not followed now as well. */
  async readStates(session: SqlSession): Promise<void> {
    for (const name of this.#options.streams) {
      const { lastChangeMs } = await readState(session, name);
      if (lastChangeMs !== undefined) this.#lastChanges.set(name, lastChangeMs);
    }
  }

  /** Takes what the source says of what is committed. Logs a warning once. */
  take(progress: FollowProgress, sinks: ReadonlyMap<string, ChangeSink>): void {
    this.#progress = progress;
    this.#upToMs = progress.upToMs ?? this.#upToMs;
    for (const [name, { lastChangeMs }] of sinks) {
      if (lastChangeMs !== undefined) this.#lastChanges.set(name, lastChangeMs);
    }
    const { warning } = progress;
    if (warning !== null && !this.#warnings.has(warning)) {
      this.#warnings.add(warning);
      this.#options.reporter.log("warn", null, warning);
    }
    this.send();
  }

  /** The stream cannot be followed, by this run. */
  fail(stream: string, error: AppError): void {
    this.#failures.set(stream, error);
  }

  /** Reports it, unless nothing is known. */
  send(): void {
    const { connector, token, streams, reporter } = this.#options;
    if (this.#progress === undefined && this.#failures.size === 0) return;
    const { position = null, behindBytes = null, retainedBytes = null, isCaughtUp = false, warning = null } =
      this.#progress ?? {};
    reporter.send({
      type: "followed",
      followed: {
        connector,
        token,
        position,
        behind_bytes: behindBytes,
        retained_bytes: retainedBytes,
        up_to: timeOf(this.#upToMs),
        caught_up: isCaughtUp && this.#failures.size === 0,
        warning,
        looked_at: new Date().toISOString(),
        streams: streams.map((stream) => ({
          stream,
          last_change_at: timeOf(this.#lastChanges.get(stream) ?? null),
          error: this.#failures.get(stream)?.message ?? null,
        })),
      },
    });
  }
}

const timeOf = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString();
