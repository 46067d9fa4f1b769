import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { TRANSFER_CUT } from "../remote/remote_object.ts";

/** A request that got no answer. */
export function connectionError(shown: string, { host }: URL, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const words = wordsOf(error);
  const fail = (code: ErrorCode, what: string) => {
    const reason = code === "unavailable" ? { reason: TRANSFER_CUT } : {};
    return new AppError(code, `Cannot read "${shown}": ${what}`, { ...reason, detail: words, cause: error });
  };
  if (error instanceof Deno.errors.NotCapable) return fail("forbidden", `the run may not connect to ${host}`);
  // An alert is the server's: it has something against the client.
  if (/fatal alert: \w*(?:Certificate|CA)/i.test(words)) {
    return fail("unauthorized", `${host} wants a client's certificate that it trusts; check cert and key`);
  }
  if (/certificate|UnknownIssuer|NotValidForName/i.test(words)) {
    return fail(
      "invalid",
      `the certificate of ${host} is not trusted; set ca to its authority's PEM file, or use the name that it is for`,
    );
  }
  if (/port \d+ (?:is|are) blocked/i.test(words)) {
    return fail("invalid", `${host} has a port that web servers are not on`);
  }
  if (/dns|lookup|resolve/i.test(words)) {
    return fail("unavailable", `there is no address for ${host}; check base_url and the name service`);
  }
  if (/refused/i.test(words)) return fail("unavailable", `nothing answers at ${host}`);
  return fail("unavailable", `the connection to ${host} failed`);
}

/** The error's words and those of what caused it. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let at = error; at instanceof Error && words.length < 5; at = at.cause) words.push(at.message);
  return words.length === 0 ? String(error) : words.join(": ");
}

/** A status that says that the file does not come. */
export function statusError(shown: string, response: Response, signsIn: boolean): AppError {
  const { status } = response;
  const fail = (code: ErrorCode, what: string) => {
    const reason = code === "unavailable" ? { reason: TRANSFER_CUT } : {};
    return new AppError(code, `Cannot read "${shown}": ${what}`, reason);
  };
  const answered = `the server answered ${status}${response.statusText && ` ${response.statusText}`}`;
  if (status === 401) {
    return fail(
      "unauthorized",
      signsIn ? `${answered}; check auth` : `${answered}: it wants auth, or a header`,
    );
  }
  if (status === 403) return fail("forbidden", `${answered}: what auth names may not read it`);
  if (status === 404 || status === 410) return fail("not_found", `${answered}: there is no such file`);
  if (status === 408 || status === 429 || status >= 500) return fail("unavailable", answered);
  return fail("invalid", answered);
}

/** How long the server asks to wait, in milliseconds; null where it does not say. */
export function retryAfterMs(headers: Headers, nowMs: number): number | null {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
