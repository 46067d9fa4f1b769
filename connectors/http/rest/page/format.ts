import { AppError } from "../../../../contract/errors.ts";

/** What `response_format` may be; `jsonl` is another name of `ndjson`. */
export const RESPONSE_FORMATS = ["auto", "json", "ndjson", "jsonl", "csv", "xml"] as const;
export type ResponseFormat = (typeof RESPONSE_FORMATS)[number];
export type PageFormat = "json" | "ndjson" | "csv" | "tsv" | "xml";

/** Asked for where the endpoint says what it is. */
export const ACCEPTED: Readonly<Record<ResponseFormat, string>> = {
  auto: "application/json, */*;q=0.5",
  json: "application/json",
  ndjson: "application/x-ndjson, application/jsonl;q=0.9, */*;q=0.5",
  jsonl: "application/x-ndjson, application/jsonl;q=0.9, */*;q=0.5",
  csv: "text/csv, */*;q=0.5",
  xml: "application/xml, text/xml;q=0.9, */*;q=0.5",
};

const TYPES: readonly (readonly [RegExp, PageFormat])[] = [
  [
    /^application\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines|json-stream)$|^application\/stream\+json$/,
    "ndjson",
  ],
  [/^application\/json$|\+json$/, "json"],
  [/^(?:text|application)\/(?:x-)?csv$/, "csv"],
  [/^text\/tab-separated-values$/, "tsv"],
  [/^(?:text|application)\/xml$|^application\/(?!xhtml).*\+xml$/, "xml"],
];

const ENDINGS: readonly (readonly [RegExp, PageFormat])[] = [
  [/\.(?:ndjson|jsonl)(?:\.(?:gz|zst))?$/i, "ndjson"],
  [/\.csv(?:\.(?:gz|zst))?$/i, "csv"],
  [/\.tsv(?:\.(?:gz|zst))?$/i, "tsv"],
  [/\.xml(?:\.(?:gz|zst))?$/i, "xml"],
];

const LESS_THAN = 0x3c;

/**
 * What a page is written in: as the endpoint says, or by its content type, or else by how its address ends; JSON where neither
 * says anything. Throws `invalid` for a page that says that it is something else than the endpoint does.
 */
export function formatOf(
  chosen: ResponseFormat,
  { headers, bytes, url }: { readonly headers: Headers; readonly bytes: Uint8Array; readonly url: URL },
): PageFormat {
  const type = mediaType(headers);
  const said = TYPES.find(([pattern]) => pattern.test(type))?.[1];
  const ending = ENDINGS.find(([pattern]) => pattern.test(url.pathname))?.[1];
  if (chosen === "auto") {
    const found = said ?? (type === "text/html" ? undefined : ending) ?? "json";
    // JSON is sent as text/xml often enough, and cannot be mistaken for it.
    return found === "xml" && firstByte(bytes) !== LESS_THAN ? "json" : found;
  }
  // Nearly every text is CSV of one column.
  const isOther = type === "text/html" || said === "json" || said === "xml";
  if (chosen === "csv" && isOther) {
    throw new AppError("invalid", `it is ${type}, and response_format is csv`);
  }
  if (chosen === "csv") return said === "tsv" || said === undefined && ending === "tsv" ? "tsv" : "csv";
  return chosen === "jsonl" ? "ndjson" : chosen;
}

const mediaType = (headers: Headers): string =>
  (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

/** The character set that the content type names. */
export function charsetOf(headers: Headers): string | undefined {
  return /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers.get("content-type") ?? "")?.[1];
}

/** The first that is no white space, and no part of a byte order mark. */
function firstByte(bytes: Uint8Array): number | undefined {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let at = start; at < bytes.length; at++) if ((bytes[at] ?? 0) > 0x20) return bytes[at];
  return undefined;
}
