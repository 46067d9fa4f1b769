import type { RecordBatch } from "apache-arrow";

/** Batches that may wait for their taker: some megabytes each. */
const CAPACITY = 2;

/**
 * Hands batches from one task to another, a few at a time: the slower of the two sets the pace. It is
 * over with `end`, `fail`, or when the taker leaves; from then on what is put is dropped.
 */
export class BatchQueue {
  readonly #waiting: RecordBatch[] = [];
  #state: "open" | "ended" | "failed" | "left" = "open";
  #failure: unknown;
  #changed = Promise.withResolvers<void>();

  /** Waits until there is room. */
  async put(batch: RecordBatch): Promise<void> {
    while (this.#state === "open" && this.#waiting.length >= CAPACITY) await this.#changed.promise;
    if (this.#state !== "open") return;
    this.#waiting.push(batch);
    this.#change();
  }

  /** The taker gets what waits, and then its end. */
  end(): void {
    this.#enter("ended");
  }

  /** The taker gets the error in place of what waits. */
  fail(error: unknown): void {
    this.#failure = error;
    this.#enter("failed");
  }

  /** Nobody takes any more. */
  leave(): void {
    this.#enter("left");
  }

  /** To be read once. Leaving it is `leave`. */
  async *batches(): AsyncGenerator<RecordBatch, void, undefined> {
    try {
      for (;;) {
        if (this.#state === "failed") throw this.#failure;
        const batch = this.#waiting.shift();
        if (batch !== undefined) {
          this.#change();
          yield batch;
        } else if (this.#state === "open") await this.#changed.promise;
        else return;
      }
    } finally {
      this.leave();
    }
  }

  #enter(state: "ended" | "failed" | "left"): void {
    // What has ended may still fail before all of it was taken.
    if (this.#state === "failed" || this.#state === "left") return;
    this.#state = state;
    if (state !== "ended") this.#waiting.length = 0;
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
