import { AppError } from "../../../contract/errors.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { Range } from "../../../contract/range.ts";
import { timeText } from "../../../text/moment.ts";
import type { TriggerRequest, WindowRequest } from "../engine.ts";

/** What a run is for: its window, and the range that it reads again. */

/** Whether some stream can be read by a range: it keeps its rows and has an update_key. */
export function hasRange({ extract }: PipelineDefinition): boolean {
  return Object.values(extract).some(({ mode, update_key: key }) => mode !== "full" && key !== undefined);
}

/** Throws invalid for a range that no stream could be read by. */
export function checkRange(
  { from, to }: Range,
  { fullRefresh = false }: TriggerRequest,
  definition: PipelineDefinition,
): void {
  if (fullRefresh) {
    throw new AppError("invalid", `A run reads the range from ${from} to ${to} or everything anew, not both`);
  }
  if (!hasRange(definition)) {
    throw new AppError(
      "invalid",
      `There is no stream to read the range from ${from} to ${to} of: none keeps its rows and has an update_key`,
    );
  }
}

/** A range of times is a window as well, for the models. */
export function windowOf(range: Range | undefined): WindowRequest | undefined {
  const start = range && timeText(range.from);
  const end = range && timeText(range.to);
  return start === undefined || end === undefined ? undefined : { start, end };
}

/** Epoch milliseconds. Throws invalid for a window that ends before it begins or holds nothing. */
export function checkedWindow({ start, end }: WindowRequest): { startMs: number | null; endMs: number } {
  const startMs = start === null ? null : Date.parse(start);
  const endMs = Date.parse(end);
  if (Number.isNaN(startMs) || Number.isNaN(endMs)) {
    throw new AppError("invalid", `The window from ${start} to ${end} needs times as 2026-03-01T00:00:00Z`);
  }
  if (startMs !== null && startMs >= endMs) {
    throw new AppError("invalid", `The window's end ${end} must come after its start ${start}`);
  }
  return { startMs, endMs };
}
