import * as v from "valibot";
import { described } from "../described.ts";
import { isThisMachine } from "../network/this_machine.ts";

/** Who a user is at identity providers, as the API and the command line show it. */

const time = v.pipe(v.string(), v.isoTimestamp());

/** An ID token's `sub` is no longer: OpenID Connect Core 1.0, section 2. */
export const MOST_OF_SUBJECT = 255;
const MOST_STARS = 3;

/** The issuer of links by a client's certificate: their subject is its SHA-256, in hex. */
export const CERTIFICATE_ISSUER = "certificate:sha256";

export const linkSchema = v.object({
  id: described(v.string(), "What it is removed by."),
  user: described(v.string(), "Whose it is."),
  issuer: described(
    v.string(),
    "The provider, as the claim iss has it; certificate:sha256 for a client's certificate.",
  ),
  subject: described(
    v.string(),
    "Who it is there, as the claim sub has it; a pattern where is_pattern says so. Of a certificate its SHA-256, in hex.",
  ),
  is_pattern: described(
    v.boolean(),
    "Whether the subject is a pattern: * stands for any text without : and /, ** for any text.",
  ),
  created_at: described(time, "When it was made."),
  created_by: described(v.nullable(v.string()), "Who made it; null for the server, at a first sign-in."),
  last_used_at: described(v.nullable(time), "When it last let somebody in, about; null for never."),
});
export type LinkView = v.InferOutput<typeof linkSchema>;

const subject = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(MOST_OF_SUBJECT),
  v.check((text) => !/\p{C}/u.test(text), "expected visible characters"),
);

export const newLinkSchema = v.strictObject({
  issuer: described(
    v.pipe(
      v.string(),
      v.maxLength(1_000),
      v.check(
        (text) => text === CERTIFICATE_ISSUER || isIssuer(text),
        `expected an address as https://accounts.example.com, as the claim iss has it, or ${CERTIFICATE_ISSUER}`,
      ),
    ),
    "The provider, as the claim iss has it; certificate:sha256 for a client's certificate.",
  ),
  subject: described(
    subject,
    "Who it is there, as the claim sub has it; of a certificate its SHA-256 in hex, with or without colons.",
  ),
  is_pattern: v.exactOptional(
    described(
      v.boolean(),
      "Whether the subject is a pattern, for workloads of a service: * stands for any text without : and /, ** for any text.",
    ),
  ),
});
export type NewLinkRequest = v.InferOutput<typeof newLinkSchema>;

/** Whether it may be the address of an identity provider: https, or http on this machine; no query, no password. */
export function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (text.includes("?") || text.includes("#")) return false;
  return url.protocol === "https:" || url.protocol === "http:" && isThisMachine(url.hostname);
}

/** A certificate's SHA-256 as links have it: 64 digits in lower case; undefined for what is none. */
export function readFingerprint(text: string): string | undefined {
  const digits = text.trim().replace(/^(?:sha256 fingerprint=|sha256:)/i, "").replaceAll(":", "")
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}

/** What is wrong with a pattern of subjects; undefined for one that may be used. */
export function patternFault(pattern: string): string | undefined {
  const stars = pattern.match(/\*+/g) ?? [];
  if (stars.length === 0) return "it has no *: leave out that it is a pattern";
  if (stars.length > MOST_STARS) return `it has more than ${MOST_STARS} times *`;
  if (stars.some((star) => star.length > 2)) return "expected * or **";
  // What an issuer gives to others is told apart by how the subject begins.
  if (!/^[^*]{3,}[:/]/.test(pattern)) {
    return "expected a beginning without *, up to : or /, as repo:acme/data:*";
  }
  return undefined;
}

/** Whether the pattern is about the subject. */
export function matchesSubject(pattern: string, subject: string): boolean {
  if (subject.length > MOST_OF_SUBJECT) return false;
  const parts = pattern.split(/(\*+)/).map((part) =>
    part === "*" ? "[^:/]*" : part === "**" ? ".*" : RegExp.escape(part)
  );
  return new RegExp(`^${parts.join("")}$`, "su").test(subject);
}
