import type { Terminal } from "../terminal.ts";

/** What whoever watches asks for: the sources again, or the end. */
export type DevKey = "refresh" | "quit";

const KEYS: Readonly<Record<string, DevKey>> = { r: "refresh", R: "refresh", q: "quit", Q: "quit" };

/**
 * What is typed: single keys on a terminal, and lines (`r`, `q`) of a program that holds the other end. Stdin that is closed
 * or cannot be read asks for nothing.
 */
export async function readDevKeys(on: (key: DevKey) => void, signal: AbortSignal): Promise<void> {
  const stdin = Deno.stdin;
  const isTerminal = stdin.isTerminal();
  // Who reads a terminal that others have in the foreground is stopped by it.
  if (isTerminal && await isInBackground()) return;
  try {
    // As keys come, and Ctrl-C still a signal.
    if (isTerminal) stdin.setRaw(true, { cbreak: true });
    const reader = stdin.readable.getReader();
    signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
    const decoder = new TextDecoder();
    let line = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      for (const sign of decoder.decode(value, { stream: true })) {
        if (isTerminal) take(sign);
        else if (sign === "\n") {
          take(line.trim());
          line = "";
        } else line = (line + sign).slice(-20);
      }
    }
  } catch {
    // Nobody can type: files are watched all the same.
  } finally {
    if (isTerminal) restore();
  }

  function take(text: string): void {
    const key = Object.hasOwn(KEYS, text) ? KEYS[text] : undefined;
    if (key !== undefined) on(key);
  }

  function restore(): void {
    try {
      stdin.setRaw(false);
    } catch {
      // The terminal is gone.
    }
  }
}

/** By Linux alone: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, fields 5 and 8. */
async function isInBackground(): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile("/proc/self/stat");
    const [, , , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 1).split(" ");
    return group !== foreground;
  } catch {
    return false;
  }
}

/** How to go on, for a person. */
export function keysNote({ isScreen }: Pick<Terminal, "isScreen">): string {
  return isScreen && Deno.stdin.isTerminal()
    ? "Watching the project: r asks the sources again, q or Ctrl-C ends it"
    : "Watching the project: Ctrl-C ends it";
}
