import type { RecordBatch } from "apache-arrow";
import { extensionOf, jsonText } from "../../../connectors/destination/json_text.ts";
import { isSameName } from "../../../contract/sql.ts";

const SHOWN_CHARACTERS = 100;

/** Rows that go to a destination at once, as slices of batches. */
export class DeliveredRows {
  readonly batches: readonly RecordBatch[];
  /** The first one's place among all rows of the load, from 0. */
  readonly first: number;
  readonly count: number;

  constructor(batches: readonly RecordBatch[], first: number) {
    this.batches = batches;
    this.first = first;
    this.count = batches.reduce((sum, { numRows }) => sum + numRows, 0);
  }

  get sizeBytes(): number {
    return this.batches.reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  /** One of them by itself; throws RangeError where there are not so many. */
  at(index: number): DeliveredRows {
    let before = 0;
    for (const batch of this.batches) {
      const at = index - before;
      if (at < batch.numRows) return new DeliveredRows([batch.slice(at, at + 1)], this.first + index);
      before += batch.numRows;
    }
    throw new RangeError(`There is no row ${index} of ${this.count}`);
  }
}

/**
 * All rows, so many at once, whatever batches they come in: where the same rows come again in other batches, they are
 * cut at the same places.
 */
export async function* rowsAtOnce(
  batches: AsyncIterable<RecordBatch>,
  maxRows: number,
): AsyncGenerator<DeliveredRows> {
  let first = 0;
  let held: RecordBatch[] = [];
  let count = 0;
  for await (const batch of batches) {
    for (let at = 0; at < batch.numRows;) {
      const piece = batch.slice(at, Math.min(at + maxRows - count, batch.numRows));
      held.push(piece);
      count += piece.numRows;
      at += piece.numRows;
      if (count < maxRows) continue;
      yield new DeliveredRows(held, first);
      first += count;
      [held, count] = [[], 0];
    }
  }
  if (count > 0) yield new DeliveredRows(held, first);
}

/** Which row it is, for people: `id 5` by its key, `row 12` without one. */
export function rowPosition(
  { batches: [batch], first }: DeliveredRows,
  primaryKey: readonly string[],
): string {
  const parts = primaryKey.flatMap((column) => {
    const place = batch?.schema.fields.findIndex(({ name }) => isSameName(name, column)) ?? -1;
    const [field, data] = [batch?.schema.fields[place], batch?.data.children[place]];
    if (field === undefined || data === undefined) return [];
    const text = jsonText(data, 0, extensionOf(field)).replace(/^"(.*)"$/, "$1");
    return [`${column} ${text.slice(0, SHOWN_CHARACTERS)}`];
  });
  return parts.length === 0 ? `row ${first + 1}` : parts.join(", ");
}
