import type { Load, LoadInput, LoadRequest } from "../../../../../contract/connector/destination.ts";
import type { ReadMessage } from "../../../../../contract/connector/source.ts";
import { type MemorySystem, rows } from "../job_fixture.ts";

/** What a destination sees of its loads, in order, among what a source does. */
export class Destination {
  readonly seen: string[] = [];
  /** The rows of each load that was committed. */
  readonly committed: string[][] = [];
  readonly inputs: LoadInput[] = [];
  readonly hashes: (string | null)[] = [];
  /** Called with how many batches there are so far. */
  onBatch: (batches: number) => void | Promise<void> = () => {};
  onCommit: () => void = () => {};

  /** The parts of a memory system. */
  get system(): Pick<MemorySystem, "begin" | "stagesWhileReading"> {
    return { stagesWhileReading: true, begin: (request, signal) => this.#begin(request, signal) };
  }

  #begin(request: LoadRequest, signal: AbortSignal): Promise<Load> {
    let staged: string[] = [];
    let hash: string | null = null;
    let isOver = false;
    const load: Load = {
      claim: () => {
        this.seen.push("claim");
        return Promise.resolve(undefined);
      },
      stage: async (input) => {
        this.inputs.push(input);
        let batches = 0;
        for await (const batch of input.batches()) {
          signal.throwIfAborted();
          this.seen.push(`staged ${batch.numRows}`);
          staged = [...staged, ...textsOf(batch)];
          await this.onBatch(batches += 1);
        }
        this.seen.push("staged all");
        hash = await input.hash();
      },
      apply: () => {
        this.seen.push("apply");
        return Promise.resolve();
      },
      commit: () => {
        this.onCommit();
        this.seen.push(`commit ${request.mode}`);
        this.committed.push(staged);
        this.hashes.push(hash);
        isOver = true;
        const unknown = { inserted: null, updated: null, deleted: null };
        return Promise.resolve({ rows: staged.length, ...unknown, hash, sizeBytes: 0, repeated: false });
      },
      [Symbol.asyncDispose]: () => {
        if (!isOver) this.seen.push("dropped");
        return Promise.resolve();
      },
    };
    return Promise.resolve(load);
  }
}

function textsOf(batch: Extract<ReadMessage, { type: "rows" }>["batch"]): string[] {
  return batch.toArray().map((row) => `${row["id"]} ${row["x"]}`);
}

export async function* twoBatches(seen: string[]): AsyncGenerator<ReadMessage> {
  seen.push("reads 1");
  yield await Promise.resolve(rows("s", [1, "a"], [2, "b"]));
  seen.push("reads 2");
  yield rows("s", [3, "c"]);
  seen.push("has read");
}

/** What they hold, as a Destination shows it. */
export const ALL = ["1 a", "2 b", "3 c"];
