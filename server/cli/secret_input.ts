import { AppError } from "../../contract/errors.ts";

/** Where a command is told what must not stand in its arguments, which everybody on the machine can read. */
export interface SecretInput {
  /** Whether a person can be asked. */
  readonly isTerminal: boolean;
  /** What is typed up to Enter; it is not shown. Throws `cancelled` for Ctrl-C and Ctrl-D. */
  ask(prompt: string): Promise<string>;
  /** All of stdin, without the line break at its end. Throws `invalid` for more than 64 KiB and for what is no UTF-8. */
  readAll(): Promise<string>;
  /** The first line of stdin, empty where there is none. Throws `invalid` likewise. */
  readLine(): Promise<string>;
}

const MOST_BYTES = 65_536;

export function createSecretInput(): SecretInput {
  return {
    isTerminal: Deno.stdin.isTerminal() && Deno.stderr.isTerminal(),
    ask: (prompt) => askHidden(prompt),
    async readAll() {
      const bytes: number[] = [];
      for await (const chunk of Deno.stdin.readable) {
        bytes.push(...chunk);
        if (bytes.length > MOST_BYTES) throw tooLong();
      }
      return decode(Uint8Array.from(bytes)).replace(/\r?\n$/, "");
    },
    readLine,
  };
}

/** What stands behind the line may never come: a person types on. */
async function readLine(): Promise<string> {
  const bytes = new Uint8Array(MOST_BYTES);
  let length = 0;
  for (;;) {
    const read = await Deno.stdin.read(bytes.subarray(length)) ?? 0;
    const end = bytes.subarray(0, length + read).indexOf(LINE, length);
    length += read;
    if (end !== -1) length = end;
    if (end !== -1 || read === 0) return decode(bytes.subarray(0, length)).replace(/\r$/, "");
    if (length === MOST_BYTES) throw tooLong();
  }
}

const [ENTER, LINE, BACKSPACE, DELETE, CTRL_C, CTRL_D, CTRL_U] = [13, 10, 8, 127, 3, 4, 21];

/** The terminal shows nothing of it; deleting works by whole characters. */
async function askHidden(prompt: string): Promise<string> {
  const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  // Before the prompt: what is typed as soon as that is there is not shown either.
  Deno.stdin.setRaw(true);
  try {
    say(prompt);
    const typed: number[] = [];
    const buffer = new Uint8Array(1_024);
    for (;;) {
      const count = await Deno.stdin.read(buffer);
      if (count === null) throw cancelled();
      for (const byte of buffer.subarray(0, count)) {
        if (byte === ENTER || byte === LINE) return decode(Uint8Array.from(typed));
        if (byte === CTRL_C || byte === CTRL_D) throw cancelled();
        if (byte === CTRL_U) typed.length = 0;
        else if (byte === BACKSPACE || byte === DELETE) dropCharacter(typed);
        else if (typed.length < MOST_BYTES) typed.push(byte);
      }
    }
  } finally {
    Deno.stdin.setRaw(false);
    say("\n");
  }
}

/** The last byte, and with it those that belong to the same character of UTF-8. */
function dropCharacter(bytes: number[]): void {
  for (let byte = bytes.pop(); byte !== undefined && (byte & 0xc0) === 0x80;) byte = bytes.pop();
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("invalid", "What was typed is not text (UTF-8)", { cause });
  }
}

const tooLong = () => new AppError("invalid", "What came in by stdin is too long");
const cancelled = () => new AppError("cancelled", "Nothing was changed");
