import type { Terminal } from "../../server/cli/terminal.ts";

/** A terminal that keeps what is written to it. */
export class RecordedTerminal implements Terminal {
  readonly isLive: boolean;
  readonly isScreen = false;
  readonly outs: string[] = [];
  readonly notes: string[] = [];
  readonly drawn: string[] = [];
  readonly #closing = new AbortController();

  constructor({ isLive = false } = {}) {
    this.isLive = isLive;
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  columns(): number {
    return 80;
  }

  tableColumns(): number {
    return Infinity;
  }

  out(text: string): void {
    this.outs.push(text);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  draw(text: string): void {
    this.drawn.push(text);
  }

  /** As when the reader of stdout goes away. */
  close(): void {
    this.#closing.abort();
  }
}
