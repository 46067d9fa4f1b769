import { AppError } from "../../contract/errors.ts";
import type { WrittenQuery } from "../../contract/snapshots/query.ts";
import type { Snapshot } from "../../contract/snapshots/snapshot.ts";
import type { ByteRange, DataRows, PublishedData } from "../../engine/control/data/port.ts";

/** Published models that a test gives: each is its text, whatever is asked. */
export class FakeData implements PublishedData {
  readonly asked: { readonly query: WrittenQuery; readonly range: ByteRange | undefined }[] = [];
  snapshots: Snapshot[] = [];
  text = '[{"day":"2026-01-01"}]';

  list(pipeline: string): Promise<Snapshot[]> {
    return Promise.resolve(this.snapshots.filter((one) => one.pipeline === pipeline));
  }

  async find(pipeline: string, model: string): Promise<Snapshot> {
    const found = (await this.list(pipeline)).find((one) => one.model === model);
    if (found === undefined) {
      throw new AppError("not_found", `Pipeline "${pipeline}" publishes no model "${model}"`);
    }
    return found;
  }

  read(snapshot: Snapshot, query: WrittenQuery, _: AbortSignal, range?: ByteRange): Promise<DataRows> {
    this.asked.push({ query, range });
    const bytes = new TextEncoder().encode(this.text).slice(range?.start, range?.end);
    const body = new Blob([bytes]).stream();
    return Promise.resolve({ snapshot, rows: snapshot.rows, sizeBytes: bytes.length, body });
  }
}
