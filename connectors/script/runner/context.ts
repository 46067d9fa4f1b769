import { type Order, REPORT } from "../sandbox/frames.ts";
import { RowError } from "./cell.ts";
import type { Channel } from "./channel.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";
import type { Requests } from "./requests.ts";

/** What a line of the log has at most. */
const MAX_LINE = 4_000;

/** What the script's function is called with. */
export function createContext(
  order: Order,
  channel: Channel,
  { batches: input }: Input,
  output: Output,
  requests: Requests,
  signal: AbortSignal,
) {
  const { params, window: { runId, pipeline, startMs, endMs }, secrets, state, cursor } = order;
  const log = (level: "info" | "warn") => (...values: unknown[]) =>
    channel.send(REPORT.log, { level, message: values.map(lineOf).join(" ").slice(0, MAX_LINE) });
  return Object.freeze({
    params: Object.freeze({ ...params }),
    window: Object.freeze({
      run_id: runId,
      pipeline,
      run_start: new Date(endMs),
      start: startMs === null ? null : new Date(startMs),
      end: new Date(endMs),
    }),
    state,
    cursor,
    input,
    signal,
    fetch: requests.fetch,
    log: Object.freeze({ info: log("info"), warn: log("warn") }),
    secret(name: string): string {
      if (Object.hasOwn(secrets, name)) return secrets[name] ?? "";
      throw new TypeError(`ctx.secret: "${name}" is not among the secrets of the stream`);
    },
    columns(names: readonly string[]): void {
      if (!Array.isArray(names)) throw new RowError("ctx.columns: expected a list of names");
      output.declare(names);
    },
    async checkpoint(reached: unknown): Promise<void> {
      await output.checkpoint(reached);
    },
  });
}

function lineOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return String(value.stack ?? value);
  try {
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  } catch {
    return String(value);
  }
}
