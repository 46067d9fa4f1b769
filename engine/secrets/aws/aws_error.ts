import { AppError, type ErrorCode } from "../../../contract/errors.ts";

const NOT_FOUND = ["ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"];
const DENIED = ["AccessDeniedException", "AccessDenied", "DecryptionFailure", "KMSAccessDeniedException"];
const UNKNOWN = [
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "IncompleteSignature",
  "MissingAuthenticationToken",
  "ExpiredTokenException",
  "ExpiredToken",
  "CredentialsProviderError",
  "TokenProviderError",
];

/** Whether the service says that there is no such secret. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof Error && NOT_FOUND.includes(error.name);

/** What went wrong at a service of Amazon's; its words have no value in them. */
export function toAwsError(service: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  const words = message.replace(/\s+/g, " ").trim().slice(0, 300);
  const [code, what] = described(name, words);
  return new AppError(code, `${service} ${what}`, { cause: error });
}

function described(name: string, words: string): [ErrorCode, string] {
  if (/region is missing/i.test(words)) return ["invalid", "needs a region: set AWS_REGION"];
  if (name === "CredentialsProviderError") {
    return ["unauthorized", `gets no credentials from where Amazon's programs look for them: ${words}`];
  }
  if (UNKNOWN.includes(name)) return ["unauthorized", `does not know this server's credentials: ${words}`];
  if (DENIED.includes(name)) return ["forbidden", `does not let this server have it: ${words}`];
  if (name === "ValidationException" || name === "InvalidParameterException") {
    return ["invalid", `does not take the name: ${words}`];
  }
  if (name === "InvalidRequestException") return ["invalid", `does not give it: ${words}`];
  if (name === "TimeoutError") return ["timeout", "did not answer in time"];
  return ["unavailable", `cannot be asked: ${words} (${name})`];
}
