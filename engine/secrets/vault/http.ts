import type { Clock } from "../../../contract/clock.ts";
import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { exactJson } from "../exact_json.ts";
import { isRecord } from "../../../text/is_record.ts";
import type { VaultSettings } from "./settings.ts";

export interface VaultRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** Below /v1/, without a slash at its front; encoded. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  readonly token?: string | undefined;
  /** Whether a request that may have arrived is not sent once more: it makes something. */
  readonly isOnce?: boolean | undefined;
}

export interface VaultResponse {
  readonly status: number;
  /** What its JSON is; numbers as exact_json.ts has them. Undefined where there is none. */
  readonly body: unknown;
}

/** Sends requests to one Vault, each again where that has a chance. */
export interface VaultHttp extends Disposable {
  /**
   * Its answer, whatever its status below 500 but for 429. Throws `unavailable` where it cannot be reached, is sealed or
   * goes on failing, `timeout`.
   */
  send(request: VaultRequest): Promise<VaultResponse>;
}

const REQUEST_MS = 10_000;
/** Before the second attempt, the third and so on; a part of it is left to chance. */
const PAUSES_MS = [250, 1_000, 3_000];
const MAX_RETRY_AFTER_MS = 10_000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_REDIRECTS = 2;
/** Worth another attempt: standbys that lag behind (412, 472, 473), limits, and a Vault that is starting or failing. */
const TRANSIENT = new Set([412, 429, 472, 473, 500, 502, 503, 504]);

export interface VaultHttpOptions {
  readonly settings: Pick<
    VaultSettings,
    "address" | "namespace" | "caFile" | "clientCertFile" | "clientKeyFile"
  >;
  readonly clock: Clock;
  readonly requestMs?: number;
}

export function createVaultHttp({ settings, clock, requestMs = REQUEST_MS }: VaultHttpOptions): VaultHttp {
  const { address, namespace } = settings;
  const host = new URL(address).host;
  let client: Promise<Deno.HttpClient> | undefined;
  const ended = new AbortController();

  const attempt = async (request: VaultRequest, url: string, redirects: number): Promise<VaultResponse> => {
    const { method, body, token } = request;
    client ??= createClient(settings);
    // The compiler that editors use knows no `client`.
    const init: RequestInit & { readonly client: Deno.HttpClient } = {
      method,
      client: await client,
      redirect: "manual",
      signal: AbortSignal.any([ended.signal, AbortSignal.timeout(requestMs)]),
      headers: {
        "x-vault-request": "true",
        accept: "application/json",
        ...(token === undefined ? {} : { "x-vault-token": token }),
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(url, init);
    const location = response.headers.get("location");
    if (response.status === 307 || response.status === 308) {
      await response.body?.cancel();
      return await attempt(request, await followed(url, location, redirects), redirects + 1);
    }
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new AppError("unavailable", `Vault at ${host} redirects with ${response.status}: is it a Vault?`);
    }
    const retryAfter = Number(response.headers.get("retry-after") ?? "0") * 1_000;
    const read = { status: response.status, body: await readBody(response) };
    if (!TRANSIENT.has(read.status)) return read;
    throw new Transient(read, Number.isFinite(retryAfter) ? retryAfter : 0);
  };

  /** A standby sends to the active one of its cluster, which the configured address itself names, and to no other. */
  const followed = async (url: string, location: string | null, redirects: number): Promise<string> => {
    const from = new URL(url);
    const to = location !== null && URL.canParse(location, url) ? new URL(location, url) : undefined;
    const isSame = to !== undefined && to.pathname === from.pathname && to.search === from.search &&
      to.protocol === from.protocol && to.username === "" && redirects < MAX_REDIRECTS;
    if (isSame && (to.host === from.host || to.origin === await leader())) return to.href;
    throw new AppError(
      "unavailable",
      `Vault at ${host} redirects to ${
        to?.host ?? "nowhere"
      }, which is not the leader of its cluster that it names`,
    );
  };

  const leader = async (): Promise<string | undefined> => {
    const { body } = await attempt({ method: "GET", path: "sys/leader" }, `${address}/v1/sys/leader`, 2);
    const named = isRecord(body) ? body["leader_address"] : undefined;
    return typeof named === "string" && URL.canParse(named) ? new URL(named).origin : undefined;
  };

  return {
    async send(request) {
      const url = `${address}/v1/${request.path}`;
      for (let attempts = 0;; attempts++) {
        let pauseMs = PAUSES_MS[attempts];
        let failure: AppError;
        try {
          return await attempt(request, url, 0);
        } catch (error) {
          if (error instanceof AppError) throw error;
          if (error instanceof Transient) {
            failure = error.toError(host);
            if (error.retryAfterMs > 0 && pauseMs !== undefined) {
              pauseMs = Math.min(Math.max(pauseMs, error.retryAfterMs), MAX_RETRY_AFTER_MS);
            }
          } else {
            failure = unreachable(host, error, requestMs);
            if (request.isOnce === true && !isUnsent(error)) throw failure;
            // Who did not answer for so long is asked once more, and not for a minute.
            if (failure.code === "timeout" && attempts > 0) throw failure;
          }
        }
        if (pauseMs === undefined || ended.signal.aborted) throw failure;
        await clock.sleep(pauseMs * (0.6 + 0.4 * Math.random()), ended.signal);
      }
    },
    [Symbol.dispose]() {
      if (ended.signal.aborted) return;
      ended.abort(new AppError("cancelled", "The server stops"));
      void client?.then((made) => made.close(), () => {});
    },
  };
}

/** An answer that may be another one in a moment. */
class Transient extends Error {
  readonly response: VaultResponse;
  readonly retryAfterMs: number;

  constructor(response: VaultResponse, retryAfterMs: number) {
    super(`status ${response.status}`);
    this.response = response;
    this.retryAfterMs = retryAfterMs;
  }

  toError(host: string): AppError {
    const words = wordsOf(this.response.body);
    const { status } = this.response;
    if (status === 503 && /sealed/i.test(words)) {
      return new AppError("unavailable", `Vault at ${host} is sealed: unseal it`, { reason: "vault_sealed" });
    }
    if (status === 429) {
      return new AppError("unavailable", `Vault at ${host} takes no more requests now (429)`);
    }
    return new AppError(
      "unavailable",
      `Vault at ${host} fails with ${status}${words === "" ? "" : `: ${words}`}`,
    );
  }
}

async function createClient(settings: VaultHttpOptions["settings"]): Promise<Deno.HttpClient> {
  const read = async (file: string | undefined, what: string): Promise<string | undefined> => {
    try {
      return file === undefined ? undefined : await Deno.readTextFile(file);
    } catch (error) {
      throw new AppError("invalid", `Cannot read ${what} of Vault from ${file}`, { cause: error });
    }
  };
  const ca = await read(settings.caFile, "the authorities (VAULT_CACERT)");
  const cert = await read(settings.clientCertFile, "the certificate (VAULT_CLIENT_CERT)");
  const key = await read(settings.clientKeyFile, "the key (VAULT_CLIENT_KEY)");
  try {
    return Deno.createHttpClient({
      ...(ca === undefined ? {} : { caCerts: [ca] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new AppError(
      "invalid",
      `Cannot use the PEM files of VAULT_CACERT and VAULT_CLIENT_CERT: ${message}`,
    );
  }
}

/** Throws `unavailable` for what is no JSON or has no end. */
async function readBody(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new AppError("unavailable", "Vault's answer is larger than 4 MiB");
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  const text = await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text();
  try {
    return exactJson(text);
  } catch {
    // A proxy's page, as with a 502.
    return undefined;
  }
}

function unreachable(host: string, error: unknown, requestMs: number): AppError {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new AppError("timeout", `Vault at ${host} did not answer within ${requestMs / 1_000} s`);
  }
  return new AppError("unavailable", `Cannot reach Vault at ${host}: ${causeOf(error)}`, { cause: error });
}

/** What went wrong below, without the address, which may have a path with names in it. */
function causeOf(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error && texts.length < 4; at = at.cause) texts.push(at.message);
  const whole = texts.join(": ");
  const known = [
    [
      /unknownissuer|unknown issuer|self.signed/i,
      "its certificate is by nobody who is trusted; name the authority in VAULT_CACERT",
    ],
    [/notvalidforname|not valid for name/i, "its certificate is for another name"],
    [/expired/i, "its certificate has expired"],
    [
      /certificaterequired|certificate required/i,
      "it wants a client's certificate: set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY",
    ],
    [/connection refused/i, "connection refused"],
    [/dns error|name or service/i, "its name has no address"],
    [/invalid peer certificate/i, "its certificate is not valid"],
  ] as const;
  return known.find(([pattern]) => pattern.test(whole))?.[1] ?? "the connection was lost";
}

/** Whether the request never got there. */
function isUnsent(error: unknown): boolean {
  return error instanceof TypeError && /connection refused|dns error|tcp connect error/i.test(
    `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}`,
  );
}

/** What Vault says is wrong: its own words, which have no secret in them, in one short line. */
export function wordsOf(body: unknown): string {
  const errors = isRecord(body) ? body["errors"] : undefined;
  if (!Array.isArray(errors)) return "";
  return errors.filter((word) => typeof word === "string").join("; ").replace(/\s+/g, " ").trim().slice(
    0,
    300,
  );
}

/** The error that a status of the client's own fault stands for. */
export function errorOf({ status, body }: VaultResponse, doing: string): AppError {
  const words = wordsOf(body);
  const code: ErrorCode = status === 403
    ? "forbidden"
    : status === 401
    ? "unauthorized"
    : status === 404
    ? "not_found"
    : "invalid";
  return new AppError(code, `Vault does not ${doing} (${status})${words === "" ? "" : `: ${words}`}`);
}
