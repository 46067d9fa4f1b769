import { Buffer, isUtf8 } from "node:buffer";
import { RecordBatchReader } from "apache-arrow";
import { AppError } from "../../contract/errors.ts";
import { isSameName } from "../../contract/sql.ts";
import { JsonFault, RecordSurvey } from "../files/record_scan.ts";
import { checkTable, type TableText } from "../files/table_files.ts";
import type { StreamOptions } from "../files/options.ts";

/** What bodies of webhooks are written in. */
export type BodyKind = "json" | "csv" | "arrow";

const FORM = /^application\/x-www-form-urlencoded$/;
const KINDS: readonly (readonly [RegExp, BodyKind])[] = [
  [/^application\/(?:[a-z0-9.-]+\+)?json$/, "json"],
  [/^application\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)$/, "json"],
  [/^text\/(?:csv|tab-separated-values)$/, "csv"],
  [/^application\/csv$/, "csv"],
  // The fields of a form are one record.
  [FORM, "json"],
];

const [TAB, LINE_FEED, RETURN, SPACE, COMMA] = [0x09, 0x0a, 0x0d, 0x20, 0x2c];
const [LIST, LIST_END, OBJECT] = [0x5b, 0x5d, 0x7b];

/**
 * What the body is written in, by its type as its sender says it; where that says nothing, JSON if it begins so. Undefined
 * for anything else.
 */
export function kindOfBody(contentType: string, body: Uint8Array): BodyKind | undefined {
  const type = mediaType(contentType);
  if (type.startsWith("application/vnd.apache.arrow.")) return "arrow";
  const known = KINDS.find(([pattern]) => pattern.test(type));
  if (known !== undefined) return known[1];
  if (!["", "text/plain", "application/octet-stream"].includes(type)) return undefined;
  const first = body[spaceEnd(body, 0)];
  return first === OBJECT || first === LIST ? "json" : undefined;
}

const mediaType = (contentType: string): string => contentType.split(";")[0]?.trim().toLowerCase() ?? "";

/**
 * The objects of a body of JSON, each in one line: one by itself, those of a list, or one behind the other as in NDJSON.
 * No number and no text of them is made anew. Throws `invalid` for anything else.
 */
export function* jsonRecords(body: Uint8Array): Generator<Uint8Array> {
  if (!isUtf8(body)) throw new AppError("invalid", "The body is not UTF-8");
  const survey = new RecordSurvey();
  let at = spaceEnd(body, 0);
  const isList = body[at] === LIST;
  if (isList) at = spaceEnd(body, at + 1);
  for (let record = 1; at < body.length && !(isList && body[at] === LIST_END); record++) {
    if (body[at] !== OBJECT) throw notRecord(record);
    const end = endOf(survey, body, at, record);
    yield inOneLine(body.subarray(at, end));
    at = spaceEnd(body, end);
    if (!isList) continue;
    if (body[at] === COMMA) {
      at = spaceEnd(body, at + 1);
      if (body[at] !== OBJECT) throw notRecord(record + 1);
    } else if (body[at] !== LIST_END) throw new AppError("invalid", "The body's list of JSON does not end");
  }
  if (!isList) return;
  if (body[at] !== LIST_END) throw new AppError("invalid", "The body's list of JSON does not end");
  if (spaceEnd(body, at + 1) < body.length) {
    throw new AppError("invalid", "Something stands behind the body's list of JSON");
  }
}

const notRecord = (record: number) =>
  new AppError(
    "invalid",
    `Record ${record} of the body is no JSON object: send an object, a list of objects, or an object a line`,
  );

function endOf(survey: RecordSurvey, body: Uint8Array, at: number, record: number): number {
  try {
    return survey.readObject(body, at, record).end;
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new AppError(
      "invalid",
      `Record ${record} of the body is not JSON as it should be: ${error.message}`,
    );
  }
}

/** Line breaks are in no string of JSON: outside of one they mean nothing. */
function inOneLine(record: Uint8Array): Uint8Array {
  if (!record.includes(LINE_FEED) && !record.includes(RETURN)) return record;
  return record.map((byte) => byte === LINE_FEED || byte === RETURN ? SPACE : byte);
}

function spaceEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && [SPACE, TAB, LINE_FEED, RETURN].includes(bytes[at] ?? 0)) at++;
  return at;
}

/** The records of a body of the kind `json`, each in one line. Throws as jsonRecords does. */
export function recordsOf(contentType: string, body: Uint8Array): Generator<Uint8Array> {
  return jsonRecords(FORM.test(mediaType(contentType)) ? formRecord(contentType, body) : body);
}

/**
 * The one record of a form: https://url.spec.whatwg.org/#application/x-www-form-urlencoded, but that nothing is put in the place of
 * what is no text. A name that comes several times has a list of its values. Nothing of an empty body.
 */
function formRecord(contentType: string, body: Uint8Array): Uint8Array {
  const charset = charsetOf(contentType) ?? "utf-8";
  if (!/^utf-?8$/i.test(charset)) {
    throw new AppError("invalid", `The form is in ${charset}: send it in UTF-8`);
  }
  const fields = new Map<string, string[]>();
  for (const part of Buffer.from(body).toString("latin1").split("&")) {
    if (part === "") continue;
    const [name = "", ...rest] = part.split("=");
    const field = formText(name);
    if (field === "") throw new AppError("invalid", "The form has a field without a name");
    fields.set(field, [...fields.get(field) ?? [], formText(rest.join("="))]);
  }
  if (fields.size === 0) return new Uint8Array();
  const members = [...fields].map(([name, values]) =>
    `${JSON.stringify(name)}:${JSON.stringify(values.length === 1 ? values[0] : values)}`
  );
  return new TextEncoder().encode(`{${members.join(",")}}`);
}

/** Of bytes as Latin-1 has them. */
function formText(written: string): string {
  const bytes = Uint8Array.from(
    written.replaceAll("+", " ").replace(/%([0-9a-f]{2})|%/gi, (whole, hex: string | undefined) => {
      if (hex === undefined) {
        throw new AppError("invalid", `The form has "${whole}" without two hex digits behind it`);
      }
      return String.fromCharCode(parseInt(hex, 16));
    }),
    (character) => character.charCodeAt(0),
  );
  if (!isUtf8(bytes)) throw new AppError("invalid", "The form is not UTF-8");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

const charsetOf = (contentType: string): string | undefined =>
  /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];

/** A body of CSV, and what its content type says of it. */
export function tableText(contentType: string, body: Uint8Array): TableText {
  const charset = charsetOf(contentType);
  return {
    bytes: body,
    shown: "the body",
    isTabs: mediaType(contentType) === "text/tab-separated-values",
    ...(charset === undefined ? {} : { charset }),
  };
}

/**
 * Whether a stream with these options will be able to read the body: what was taken must not keep all that comes after
 * it from being read. Throws `invalid` with what is wrong with it.
 */
export async function checkBody(
  contentType: string,
  body: Uint8Array,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  switch (kindOfBody(contentType, body)) {
    case "json":
      for (const _record of recordsOf(contentType, body)) signal.throwIfAborted();
      return;
    case "csv":
      return await checkTable(tableText(contentType, body), options, signal);
    case "arrow":
      return checkArrow(body);
    case undefined:
      throw new AppError(
        "invalid",
        "A stream reads the bodies of this webhook: send JSON, NDJSON, CSV, a form or Arrow, and say which in Content-Type",
        { reason: "media_type" },
      );
  }
}

function checkArrow(body: Uint8Array): void {
  let names: readonly string[];
  try {
    const reader = RecordBatchReader.from(body).open();
    names = reader.schema.fields.map(({ name }) => name);
    for (const _batch of reader);
  } catch (error) {
    throw new AppError(
      "invalid",
      `The body is not Arrow: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
  if (names.length === 0) throw new AppError("invalid", "The body's Arrow has no columns");
  const twice = names.find((name, at) => names.slice(0, at).some((other) => isSameName(name, other)));
  if (twice !== undefined) throw new AppError("invalid", `The body's Arrow has the column "${twice}" twice`);
}
