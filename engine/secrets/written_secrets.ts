import { isSecretKey } from "../../text/secret_key.ts";
import { parseReferences, visitTexts } from "./references.ts";

/** A secret that stands in an entry of connectors.yaml or notifiers.yaml as it is. */
export interface WrittenSecret {
  /** To the text that has it. */
  readonly path: readonly (string | number)[];
  /** The secret itself, never to be shown. */
  readonly value: string;
  /** What of the text it is. */
  readonly part: "all" | "password of an address" | "parameter of an address";
}

interface Entry {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Keys that hold a secret in entries of a type, and would not elsewhere. */
const KEYS_OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  slack: ["url"],
  teams: ["url"],
  pagerduty: ["key"],
  sentry: ["dsn"],
};
const MORE_KEYS: ReadonlySet<string> = new Set(["mask_salt", "dsn"]);
/** What is sent with requests, by names that others choose. */
const SENT = /^(?:(?:proxy-)?authorization|cookie|key|.*(?:signature|[_-]?api[_-]?key|auth[_-]?token))$/i;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
/** The words that an option of this name may have, as `credentials: anonymous`. */
const WORD_OF_OPTION = /^[a-z_]{1,20}$/;
/** Stands for a reference: it is in no text of YAML. */
const FILLED = "\u0000";
const PASSWORD_OF_ADDRESS = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s@]*?:([^/?#\s]*)@/i;
const PARAMETER =
  /[?&](?:[a-z_-]*password|pass|pwd|[a-z_-]*token|[a-z_-]*secret|api[_-]?key|sig|signature)=([^&#\s]+)/gi;

/**
 * The secrets that are written out in an entry, as far as keys and addresses tell them: never all there are. A text with
 * a reference in its place is none.
 */
export function writtenSecrets(entry: Entry): WrittenSecret[] {
  const found: WrittenSecret[] = [];
  const { type, ...keys } = entry;
  visitTexts(keys, (text, path) => {
    const filled = withoutReferences(text);
    if (filled === undefined || filled === "") return;
    if (isSecretPlace(type, path, text) || PRIVATE_KEY.test(text)) {
      // A secret with something around it, as "Bearer ${secret:TOKEN}".
      if (!filled.includes(FILLED)) found.push({ path, value: text, part: "all" });
      return;
    }
    const password = PASSWORD_OF_ADDRESS.exec(filled)?.[1];
    if (password !== undefined && isWrittenOut(password)) {
      found.push({ path, value: password, part: "password of an address" });
    }
    for (const [, value = ""] of filled.matchAll(PARAMETER)) {
      if (isWrittenOut(value)) found.push({ path, value, part: "parameter of an address" });
    }
  });
  return found;
}

const isWrittenOut = (text: string): boolean => text !== "" && !text.includes(FILLED);

function isSecretPlace(type: string, path: readonly (string | number)[], text: string): boolean {
  const key = String(path.findLast((part) => typeof part === "string") ?? "");
  const [first] = path;
  if (path.length === 1 && KEYS_OF_TYPE[type]?.includes(key)) return true;
  if (MORE_KEYS.has(key)) return true;
  if ((first === "headers" || first === "params") && SENT.test(key)) return true;
  return isSecretKey(key) && !(/credentials?$/i.test(key) && WORD_OF_OPTION.test(text));
}

/** Undefined for a text whose references are written wrongly: that is told by itself. */
function withoutReferences(text: string): string | undefined {
  try {
    return parseReferences(text).map((part) => "text" in part ? part.text : FILLED).join("");
  } catch {
    return undefined;
  }
}
