import type { Variables } from "../../contract/settings/variables.ts";
/**
 * Where a command writes. Lines for people go to stderr where they are about progress, and to
 * stdout where they are the result. A reader that went away (`sluice logs … | head`) closes the
 * terminal quietly: later lines are dropped and `closed` fires.
 */
export interface Terminal {
  /** Whether stderr is a person's terminal: live lines and colour are fine. */
  readonly isLive: boolean;
  /** Whether stdout is a person's terminal, which what is written to it could steer. */
  readonly isScreen: boolean;
  /** Columns of the terminal; 80 where it is none. */
  columns(): number;
  /** Columns that a table on stdout may take: the terminal's or `COLUMNS`, no limit in a pipe. */
  tableColumns(): number;
  /** Fires when nobody reads stdout any more. */
  readonly closed: AbortSignal;
  /** One line of the result, or several. */
  out(text: string): void;
  /** One line beside the result. */
  note(text: string): void;
  /** Bytes to stderr as they are: control sequences of a live display. */
  draw(text: string): void;
}

/** The process's own stdout and stderr; `TERM` and `COLUMNS` are the environment's. */
export function createTerminal(env: Variables): Terminal {
  const closing = new AbortController();
  const encoder = new TextEncoder();
  const write = (stream: typeof Deno.stdout, text: string) => {
    let bytes = encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      if (stream === Deno.stdout) closing.abort();
    }
  };
  return {
    // NO_COLOR is about colours, which there are none of: progress stays.
    isLive: env("TERM") !== "dumb" && Deno.stderr.isTerminal(),
    isScreen: Deno.stdout.isTerminal(),
    columns: () => (Deno.stderr.isTerminal() ? Deno.consoleSize().columns : 0) || 80,
    tableColumns: () =>
      /^[1-9]\d{0,4}$/.test(env("COLUMNS") ?? "")
        ? Number(env("COLUMNS"))
        : Deno.stdout.isTerminal()
        ? Deno.consoleSize().columns || 80
        : Infinity,
    closed: closing.signal,
    out: (text) => write(Deno.stdout, `${text}\n`),
    note: (text) => write(Deno.stderr, `${text}\n`),
    draw: (text) => write(Deno.stderr, text),
  };
}
