/** What one apply reports of its checks. */
export interface CheckProgress {
  /** These pipelines are checked from now on. */
  begin(pipelines: readonly string[]): void;
  /** The pipeline's check waits for a source. */
  wait(pipeline: string): void;
  end(pipeline: string): void;
}

/** Which pipelines' files are being checked now, for who must not go by what was in force before. */
export class PendingChecks {
  readonly #pending = new Map<string, PromiseWithResolvers<void>>();
  /** Those of them that are at work. */
  readonly #busy = new Set<string>();
  #idle = Promise.withResolvers<void>();
  /** Until it is known which files have changed. */
  #reading: Promise<void> = Promise.resolve();

  /** Follows one apply: its files are read, then it says what is checked, and what is done. */
  async during<T>(work: (progress: CheckProgress) => Promise<T>): Promise<T> {
    const read = Promise.withResolvers<void>();
    this.#reading = read.promise;
    const begun: string[] = [];
    try {
      return await work({
        begin: (pipelines) => {
          for (const pipeline of pipelines) {
            this.#pending.set(pipeline, Promise.withResolvers());
            this.#busy.add(pipeline);
          }
          begun.push(...pipelines);
          read.resolve();
        },
        wait: (pipeline) => this.#rest(pipeline),
        end: (pipeline) => this.#end(pipeline),
      });
    } finally {
      for (const pipeline of begun) this.#end(pipeline);
      read.resolve();
    }
  }

  /** Returns when no check of the pipeline is under way; at once for one that is not checked. */
  async settled(pipeline: string): Promise<void> {
    await this.#reading;
    await this.#pending.get(pipeline)?.promise;
  }

  /** Returns when every check that is under way waits for a source, or none is. */
  async idle(): Promise<void> {
    await this.#reading;
    while (this.#busy.size > 0) await this.#idle.promise;
  }

  #end(pipeline: string): void {
    this.#pending.get(pipeline)?.resolve();
    this.#pending.delete(pipeline);
    this.#rest(pipeline);
  }

  #rest(pipeline: string): void {
    this.#busy.delete(pipeline);
    if (this.#busy.size > 0) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }
}
