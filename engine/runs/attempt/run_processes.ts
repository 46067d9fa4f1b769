/** The processes of runs under way, for whoever looks at what they use. */
export class RunProcesses {
  readonly #pipelines = new Map<number, string>();

  /** Until the answer is disposed of. */
  add(pid: number, pipeline: string): Disposable {
    this.#pipelines.set(pid, pipeline);
    return { [Symbol.dispose]: () => void this.#pipelines.delete(pid) };
  }

  list(): { readonly pid: number; readonly pipeline: string }[] {
    return [...this.#pipelines].map(([pid, pipeline]) => ({ pid, pipeline }));
  }
}
