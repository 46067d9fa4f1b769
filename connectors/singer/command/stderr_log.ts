import { byteLines } from "./byte_lines.ts";

const MAX_LINE_BYTES = 2_000;
const MAX_LOGGED = 2_000;
/** So many of the last lines are told with a failure. */
const LAST_LINES = 12;

type Log = (level: "debug" | "info" | "warn", message: string) => void;

/** What a command says on stderr, as lines of the run's log: only so many, and none longer than it is useful. */
export class StderrLog {
  readonly #program: string;
  readonly #log: Log;
  #logged = 0;
  readonly last: string[] = [];

  constructor(program: string, log: Log) {
    this.#program = program;
    this.#log = log;
  }

  /** Ends with the stream, and throws nothing. */
  async follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of byteLines(stream, MAX_LINE_BYTES, true)) {
        const line = decoder.decode(bytes).replaceAll(/[\p{Cc}\s]+/gu, " ").trimEnd();
        if (line.trim() !== "") this.#take(line);
      }
    } catch {
      // It was killed in the middle of a line.
    }
  }

  #take(line: string): void {
    if (this.last.push(line) > LAST_LINES) this.last.shift();
    this.#logged += 1;
    if (this.#logged <= MAX_LOGGED) this.#log(levelOf(line), `${this.#program}: ${line}`);
    if (this.#logged === MAX_LOGGED) this.#log("warn", `${this.#program} says more, which is not shown`);
  }
}

/** Python's loggers write their level into the line. */
function levelOf(line: string): "debug" | "info" | "warn" {
  if (/\b(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b/.test(line)) return "warn";
  return /\bDEBUG\b/.test(line) ? "debug" : "info";
}
