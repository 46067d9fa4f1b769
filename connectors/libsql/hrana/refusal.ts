import { WireReader } from "./wire.ts";

/** What an answer says that is no success. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
const MAX_WORDS = 300;

/** How long to wait before the request is sent again: as the server asks, or twice as long as before. */
export function waitOf(response: Response, waits: number): number {
  const asked = Number(response.headers.get("retry-after")) * 1_000;
  return Math.min(asked > 0 ? asked : FIRST_WAIT_MS * 2 ** waits, LONGEST_WAIT_MS);
}

/** Its own words, be they in JSON, a message of Hrana, or text. */
export async function wordsOf(
  response: Response,
): Promise<{ readonly words: string; readonly code: string }> {
  let words = "";
  let code = "";
  try {
    const bytes = await response.bytes();
    const type = response.headers.get("content-type") ?? "";
    if (type.includes("protobuf")) ({ message: words, code } = readError(bytes));
    else words = new TextDecoder().decode(bytes.subarray(0, 8_192)).trim();
    if (type.includes("json")) {
      const { error, message }: { error?: unknown; message?: unknown } = JSON.parse(words);
      words = typeof error === "string" ? error : typeof message === "string" ? message : words;
    }
  } catch {
    // A status says enough.
  }
  const shown = /<html/i.test(words) || words === "" ? `HTTP status ${response.status}` : words;
  return { words: shown.slice(0, MAX_WORDS).toWellFormed(), code };
}

function readError(bytes: Uint8Array): { message: string; code: string } {
  const reader = new WireReader(bytes);
  const found = { message: "", code: "" };
  while (reader.next()) {
    if (reader.field === 1) found.message = reader.string();
    else if (reader.field === 2) found.code = reader.string();
    else reader.skip();
  }
  return found;
}
