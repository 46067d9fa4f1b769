import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { TRANSFER_CUT } from "../remote/remote_object.ts";

/** What was asked of the store: for messages. */
export interface Asked {
  readonly verb: "read" | "write" | "list";
  /** As `s3://bucket/key`. */
  readonly shown: string;
  /** What Amazon calls the right to do it, as `s3:GetObject`. */
  readonly right: string;
}

interface Failure {
  readonly name: string;
  readonly message: string;
  /** The runtime's word of a connection that failed, as ECONNREFUSED. */
  readonly code: string;
  readonly status: number | undefined;
  readonly region: string | undefined;
}

/** An error of the store, or on the way to it, as one that says what to do. */
export function s3Error({ verb, shown, right }: Asked, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const failure = failureOf(error);
  const [code, what, isCut] = describe(failure, right);
  return new AppError(code, `Cannot ${verb} "${shown}": ${what}`, {
    cause: error,
    ...(isCut ? { reason: TRANSFER_CUT } : {}),
  });
}

export function statusOf(error: unknown): number | undefined {
  return failureOf(error).status;
}

/** How often the SDK asked; an earlier time may have been done though the last one was refused. */
export function attemptsOf(error: unknown): number {
  return numberAt(at(error, "$metadata"), "attempts") ?? 1;
}

/** Whether the condition of a write, or of a read, does not hold. */
export function isConditionFailure(error: unknown): boolean {
  const { status, name } = failureOf(error);
  return status === 412 || name === "ConditionalRequestConflict";
}

/** Whether the store says that it does not know something of a request. */
export function isNotImplemented(error: unknown): boolean {
  const { status, name } = failureOf(error);
  return status === 501 || name === "NotImplemented";
}

const UNKNOWN_KEY = [
  "InvalidAccessKeyId",
  "InvalidAccessKey",
  "InvalidClientTokenId",
  "UnrecognizedClientException",
];
const EXPIRED = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"];
const BUSY = ["SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable"];
const NETWORK =
  /^(?:ECONN|EPIPE|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_STREAM_PREMATURE_CLOSE|ERR_HTTP)/;

function describe(failure: Failure, right: string): [ErrorCode, string, boolean] {
  const { name, message, code, status, region } = failure;
  const words = `${message.replace(/\s+/g, " ").trim()}${
    name === "" || name === "Error" ? "" : ` (${name})`
  }`;
  if (UNKNOWN_KEY.includes(name)) {
    return ["unauthorized", "the store does not know this access_key_id", false];
  }
  if (name === "SignatureDoesNotMatch") {
    return ["unauthorized", "secret_access_key does not belong to access_key_id", false];
  }
  if (EXPIRED.includes(name)) return ["unauthorized", "the credentials have expired; renew them", false];
  if (name === "CredentialsProviderError" || name === "TokenProviderError") {
    return [
      "unauthorized",
      `no credentials were found where Amazon's programs look for them: ${message}`,
      false,
    ];
  }
  if (name === "RequestTimeTooSkewed") {
    return ["unauthorized", "this machine's clock and the store's differ too much; set the clock", false];
  }
  if (status === 301 || status === 307 || (region !== undefined && status === 400)) {
    const where = region === undefined ? "another region or at another endpoint" : `region ${region}`;
    return [
      "invalid",
      `the bucket is in ${where}; set region${region === undefined ? "" : `: ${region}`}`,
      false,
    ];
  }
  if (name === "NoSuchBucket") return ["not_found", "there is no such bucket", false];
  if (name === "InvalidObjectState") {
    return ["unavailable", "it is archived; restore it in the store first", false];
  }
  if (status === 404) return ["not_found", "there is no such file", false];
  if (status === 401 || status === 403) {
    const why = /^(?:\d+|Unknown|Forbidden|UnknownError)?$/.test(name) ? "" : ` (${name})`;
    return ["forbidden", `access is denied${why}; let the credentials do ${right}`, false];
  }
  if (BUSY.includes(name) || status === 429 || status === 503) {
    return ["unavailable", "the store is too busy; run it again later", true];
  }
  if (error500(status)) return ["unavailable", `the store failed: ${words}`, true];
  if (name === "NotCapable") return ["forbidden", "the run may not connect there", false];
  if (/certificate|UNABLE_TO_|SELF_SIGNED|CERT_/i.test(`${message} ${code}`)) {
    return [
      "unavailable",
      `its certificate is not trusted: ${words}; set ca to the authority's PEM file`,
      false,
    ];
  }
  if (
    NETWORK.test(code) || name === "TimeoutError" || name === "AbortError" ||
    /socket|connection|aborted/i.test(message)
  ) {
    return ["unavailable", `the connection failed: ${words}`, true];
  }
  if (status !== undefined && status >= 400) return ["invalid", words, false];
  return ["internal", words, false];
}

const error500 = (status: number | undefined) => status !== undefined && status >= 500 && status !== 501;

function failureOf(error: unknown): Failure {
  const none = { name: "", message: String(error), code: "", status: undefined, region: undefined };
  if (!(error instanceof Error)) return none;
  const metadata = "$metadata" in error ? error.$metadata : undefined;
  const response = "$response" in error ? error.$response : undefined;
  return {
    name: error.name,
    message: error.message,
    code: textAt(error, "code") ?? "",
    status: numberAt(metadata, "httpStatusCode") ?? numberAt(response, "statusCode"),
    region: textAt(error, "Region") ?? textAt(at(response, "headers"), "x-amz-bucket-region"),
  };
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = at(value, key);
  return typeof found === "number" ? found : undefined;
}

function textAt(value: unknown, key: string): string | undefined {
  const found = at(value, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}
