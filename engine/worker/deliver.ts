import type { RecordBatch } from "apache-arrow";
import type {
  DeliveringDestination,
  DeliveryRequest,
  LoadInput,
  LoadReceipt,
} from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";

/** How often rows are sent again that the system may take later, and how long is waited in between. */
const TRIES = 5;
const FIRST_PAUSE_MS = 500;
const MAX_SHOWN = 3;

export interface DeliverContext {
  readonly signal: AbortSignal;
  readonly onProgress: (rows: number) => void;
  /** Waits; rejects with the signal's reason. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Rows that are not delivered yet: `first` is the first one's place among all, from 0. */
interface Part {
  readonly batch: RecordBatch;
  readonly first: number;
}

/**
 * Sends all rows to a system that has no transaction, at least once each: a process that dies sends
 * again, under the same idempotency keys, what an earlier attempt has sent. Throws `invalid` with
 * the reasons when all else is delivered, where the system rejected rows; `unavailable` where it did
 * not take some in the end.
 */
export async function deliverRows(
  context: DeliverContext,
  destination: DeliveringDestination,
  loadId: string,
  request: Omit<DeliveryRequest, "idempotencyKey">,
  input: LoadInput,
): Promise<LoadReceipt> {
  const rejected: string[] = [];
  let rows = 0;
  let sizeBytes = 0;
  for await (const batch of input.batches()) {
    sizeBytes += batch.data.byteLength;
    for (const part of partsOf(batch, rows, destination.maxBatchRows)) {
      rejected.push(...await deliverPart(context, destination, loadId, request, part));
    }
    rows += batch.numRows;
    context.onProgress(rows);
  }
  if (input.rows !== null && input.rows !== rows) {
    throw new AppError("internal", `${input.rows} rows were announced and ${rows} sent`);
  }
  if (rejected.length > 0) {
    const more = rejected.length > MAX_SHOWN ? ` and ${rejected.length - MAX_SHOWN} more` : "";
    throw new AppError(
      "invalid",
      `${rejected.length} of ${rows} rows were rejected, the others are delivered: ` +
        `${rejected.slice(0, MAX_SHOWN).join("; ")}${more}`,
    );
  }
  const counts = { inserted: null, updated: null, deleted: null };
  return { rows, ...counts, hash: await input.hash(), sizeBytes, repeated: false };
}

function* partsOf(batch: RecordBatch, first: number, maxRows: number): Generator<Part> {
  for (let at = 0; at < batch.numRows; at += maxRows) {
    yield { batch: batch.slice(at, Math.min(at + maxRows, batch.numRows)), first: first + at };
  }
}

/** Returns why rows were rejected, with their places. */
async function deliverPart(
  { signal, pause }: DeliverContext,
  destination: DeliveringDestination,
  loadId: string,
  request: Omit<DeliveryRequest, "idempotencyKey">,
  whole: Part,
): Promise<string[]> {
  const rejected: string[] = [];
  let left: Part[] = [whole];
  for (let tries = 1;; tries++) {
    const again: Part[] = [];
    let reason = "";
    for (const part of left) {
      const key = `${loadId}/${part.first}+${part.batch.numRows}`;
      const results = await destination.deliver(part.batch, { ...request, idempotencyKey: key }, signal);
      if (results.length !== part.batch.numRows) {
        throw new AppError(
          "internal",
          `The destination gave ${results.length} results for ${part.batch.numRows} rows`,
        );
      }
      for (const [row, result] of results.entries()) {
        const place = part.first + row;
        if (result.type === "rejected") rejected.push(`row ${place + 1}: ${result.reason}`);
        if (result.type !== "retryable") continue;
        reason = `row ${place + 1}: ${result.reason}`;
        again.push({ batch: part.batch.slice(row, row + 1), first: place });
      }
    }
    if (again.length === 0) return rejected;
    if (tries === TRIES) {
      throw new AppError("unavailable", `${again.length} rows were not taken in ${TRIES} tries: ${reason}`);
    }
    await pause(FIRST_PAUSE_MS * 2 ** (tries - 1));
    left = again;
  }
}
