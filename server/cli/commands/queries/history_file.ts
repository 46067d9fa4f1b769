import { join } from "node:path";
import { sqlWords, unquoted } from "../../../../sql/editing/read_scopes.ts";
import { scanSql } from "../../../../sql/language/scan_sql.ts";
import { isSecretKey } from "../../../../text/secret_key.ts";

const MAX_ENTRIES = 1_000;
const PRIVATE_FILE = 0o600;
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** What was asked at prompts, for the next one. */
export interface HistoryFile {
  /** Newest first. */
  readonly entries: readonly string[];
  /** Keeps one more; a disk that is full keeps nothing, and nobody waits for it. */
  add(entry: string): Promise<void>;
}

/**
 * Whether what was asked may lie in a file: not what begins with a blank, as shells have it, nor what has a text beside a
 * name that means a secret, as `token = '…'`.
 */
export function isKept(text: string): boolean {
  if (/^[ \t]/.test(text)) return false;
  const hasText = [...scanSql(text)].some(({ kind, start }) => kind === "text" && text[start] !== '"');
  return !hasText || !sqlWords(text).some((word) => word.isName && isSecretKey(unquoted(word.text)));
}

/** In the user's own folder, closed to others; nothing is kept where there is no such folder. */
export async function openHistory(home: string | undefined): Promise<HistoryFile> {
  if (home === undefined || home === "") return { entries: [], add: () => Promise.resolve() };
  const path = join(home, ".sluice_query_history");
  let lines: string[] = [];
  try {
    lines = (await Deno.readTextFile(path)).split("\n").filter((line) => line !== "" && !CONTROL.test(line));
    if (Deno.build.os !== "windows") await Deno.chmod(path, PRIVATE_FILE);
    if (lines.length > 2 * MAX_ENTRIES) {
      lines = lines.slice(-MAX_ENTRIES);
      await Deno.writeTextFile(path, `${lines.join("\n")}\n`, { mode: PRIVATE_FILE });
    }
  } catch {
    // None yet, or not ours to read.
  }
  return {
    entries: lines.slice(-MAX_ENTRIES).reverse(),
    async add(entry) {
      if (CONTROL.test(entry)) return;
      await Deno.writeTextFile(path, `${entry}\n`, { append: true, mode: PRIVATE_FILE }).catch(() => {});
    },
  };
}
