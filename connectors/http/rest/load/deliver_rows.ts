import type { RecordBatch } from "apache-arrow";
import type { DeliveryRequest, DeliveryResult } from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { ApiAnswer, ApiClient } from "../api_client.ts";
import { wordsOf } from "../api_error.ts";
import { type ApiRequest, shownRequest } from "../api_request.ts";
import { Tally } from "../tally.ts";
import { resultsIn } from "./results.ts";
import { hasRowPlace } from "./row_places.ts";
import { type RowPlace, RowRequests } from "./row_requests.ts";
import type { RestTarget } from "./target.ts";

/** Answers that mean that the server does not want what was sent; others are of the address, or of who asks. */
const REJECTING = [400, 402, 409, 412, 413, 414, 422, 423, 451];
/** Of a row's own address: there is no such row. */
const GONE = [404, 410];
const OK: DeliveryResult = { type: "ok" };

/**
 * Sends the rows in one request, and where the server rejects it, each half of them alone, down to the rows that it
 * does not want. Throws what the client throws, and `invalid` where an answer does not say what became of a row.
 */
export async function deliverRows(
  baseUrl: URL,
  client: Pick<ApiClient, "send">,
  batches: readonly RecordBatch[],
  { target, idempotencyKey, onTraffic }: Pick<
    DeliveryRequest<RestTarget>,
    "target" | "idempotencyKey" | "onTraffic"
  >,
  signal: AbortSignal,
): Promise<readonly DeliveryResult[]> {
  const rows = batches.flatMap((batch) =>
    Array.from({ length: batch.numRows }, (_, index): RowPlace => ({ batch, index }))
  );
  const requests = new RowRequests(baseUrl, target);
  const ignored = target.response_actions.map(({ status_code }) => status_code);
  const gone = hasRowPlace(target.path) ? GONE : [];
  const accepted = [...REJECTING, ...gone, ...ignored];
  const tally = new Tally(onTraffic);

  const send = async (first: number, count: number): Promise<readonly DeliveryResult[]> => {
    const part = rows.slice(first, first + count);
    const request = await requests.make(part, `${idempotencyKey}/${first}+${count}`);
    if ("reason" in request) return part.map(() => ({ type: "rejected", reason: request.reason }));
    const answer = await client.send(request, accepted, signal, tally);
    if (answer.status < 300) return resultsOf(target, request, answer, count);
    if (count > 1) {
      const half = Math.ceil(count / 2);
      return [...await send(first, half), ...await send(first + half, count - half)];
    }
    const isThere = ignored.includes(answer.status) ||
      (request.method === "DELETE" && gone.includes(answer.status));
    return [isThere ? OK : { type: "rejected", reason: reasonOf(answer) }];
  };
  return rows.length === 0 ? [] : await send(0, rows.length);
}

function resultsOf(
  { results }: RestTarget,
  request: ApiRequest,
  { status, bytes }: ApiAnswer,
  count: number,
): readonly DeliveryResult[] {
  const shown = shownRequest(request);
  if (results !== undefined) return resultsIn(bytes, results, count, shown);
  if (status !== 207) return Array.from({ length: count }, () => OK);
  throw new AppError(
    "invalid",
    `${shown}: the answer 207 has a status for each row; say by the endpoint's results where they are`,
  );
}

function reasonOf({ status, bytes }: ApiAnswer): string {
  const words = wordsOf(bytes);
  return words === "" || words === "{}" ? `the server answered ${status}` : `${status}: ${words}`;
}
