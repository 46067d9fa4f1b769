import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { connectionError } from "../../locations/http/http_error.ts";
import { type ApiRequest, shownRequest } from "./api_request.ts";

const SHOWN_CHARACTERS = 300;

/** An answer that is none of what was asked for, with the server's own words. */
export function answerFault(
  request: ApiRequest,
  status: number,
  statusText: string,
  bytes: Uint8Array,
): AppError {
  const said = wordsOf(bytes);
  const answered = `${shownRequest(request)}: the server answered ${status}${statusText && ` ${statusText}`}${
    said && `, saying ${JSON.stringify(said)}`
  }`;
  const fail = (code: ErrorCode, hint: string) => new AppError(code, `${answered}${hint}`);
  if (status === 401) return fail("unauthorized", "; check auth");
  if (status === 403) return fail("forbidden", "; what auth names may not do that");
  if (status === 404 || status === 410) return fail("not_found", "; check base_url and the endpoint's path");
  if (status === 408 || status === 425 || status === 429 || status >= 500) return fail("unavailable", "");
  return fail("invalid", "");
}

/** What a body says for a person: a message that JSON has, or its beginning; `""` where it says nothing. */
export function wordsOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 20_000)).trim();
  if (text === "" || text.startsWith("<")) return "";
  try {
    const found = messageIn(JSON.parse(text), 0);
    if (found !== undefined) return found.slice(0, SHOWN_CHARACTERS);
  } catch {
    // As it is, then.
  }
  return text.replace(/\s+/g, " ").slice(0, SHOWN_CHARACTERS);
}

const MESSAGES = ["message", "error_description", "detail", "error", "title", "errors"];

export function messageIn(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return value;
  if (depth > 3 || typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return messageIn(value[0], depth + 1);
  const entries = new Map<string, unknown>(Object.entries(value));
  for (const key of MESSAGES) {
    const found = entries.has(key) ? messageIn(entries.get(key), depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A request that got no answer, or half of one. */
export function connectionFault(request: ApiRequest, error: unknown): AppError {
  return connectionError(shownRequest(request), request.url, error);
}
