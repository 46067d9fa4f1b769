import * as v from "valibot";
import { described } from "../described.ts";
import { toldEntries } from "./passwords.ts";

/** Second factors, as the API and the command line show them. */

const time = v.pipe(v.string(), v.isoTimestamp());

/** totp: codes of an authenticator app. passkey: of a device or a security key. */
export const FACTOR_KINDS = ["totp", "passkey"] as const;
export type FactorKind = (typeof FACTOR_KINDS)[number];

/** As people call them. */
export const FACTOR_NAMES: Readonly<Record<FactorKind, string>> = {
  totp: "authenticator app",
  passkey: "passkey",
};

const lastUsed = described(v.nullable(time), "When it was last used; null for never.");

export const passkeySchema = v.object({
  id: described(v.string(), "What it is removed by."),
  name: described(v.string(), "As its user calls it."),
  created_at: described(time, "When it was added."),
  last_used_at: lastUsed,
  synced: described(v.boolean(), "Whether it is kept on several devices."),
});
export type PasskeyView = v.InferOutput<typeof passkeySchema>;

export const factorsSchema = v.object({
  totp: described(
    v.nullable(v.object({ created_at: described(time, "When it was added."), last_used_at: lastUsed })),
    "The authenticator app; null where there is none.",
  ),
  passkeys: described(v.array(passkeySchema), "The oldest first."),
  recovery_codes: described(v.pipe(v.number(), v.integer()), "How many recovery codes are left."),
});
export type FactorsView = v.InferOutput<typeof factorsSchema>;

export const userFactorsSchema = v.object({
  kinds: described(v.array(v.picklist(FACTOR_KINDS)), "Which kinds of factors the user has."),
});
export type UserFactorsView = v.InferOutput<typeof userFactorsSchema>;

export const factorsResetSchema = v.object({
  kinds: described(v.array(v.picklist(FACTOR_KINDS)), "Which kinds of factors there were."),
  ...toldEntries,
});
export type FactorsReset = v.InferOutput<typeof factorsResetSchema>;

/** What an authenticator app takes; shown once. */
export const totpEnrolmentSchema = v.object({
  secret: described(v.string(), "The shared secret in base32, to be typed in."),
  uri: described(v.string(), "The same as an otpauth address, as the QR code has it."),
});
export type TotpEnrolment = v.InferOutput<typeof totpEnrolmentSchema>;

const recoveryCodes = described(v.array(v.string()), "Each signs in once in place of a factor; shown once.");

/** What a browser takes to make a passkey. */
export const passkeyRequestSchema = v.object({
  ticket: described(v.string(), "To be sent back with what the browser makes of the options."),
  options: described(v.unknown(), "As PublicKeyCredential.parseCreationOptionsFromJSON takes them."),
});

export const newRecoveryCodesSchema = v.object({ recovery_codes: recoveryCodes });

/** With the first factor recovery codes are made. */
export const factorAddedSchema = v.object({
  factors: described(factorsSchema, "Those that there are now."),
  recovery_codes: v.exactOptional(recoveryCodes),
});
export type FactorAdded = v.InferOutput<typeof factorAddedSchema>;

export const codeSchema = v.pipe(v.string(), v.maxLength(100));

export const passkeyNameSchema = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100));

const bytes = (most: number) => v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]*$/), v.maxLength(most));

/** What a browser has of a credential, in its own JSON: https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON */
const credential = {
  id: described(v.pipe(bytes(1_500), v.minLength(1)), "The credential's id."),
  rawId: described(v.pipe(bytes(1_500), v.minLength(1)), "The same."),
  type: described(v.literal("public-key"), "Always public-key."),
  clientExtensionResults: v.optional(described(v.object({}), "Not looked at."), {}),
  authenticatorAttachment: v.exactOptional(
    described(v.nullable(v.pipe(v.string(), v.maxLength(50))), "Not looked at."),
  ),
};

const clientDataJSON = described(bytes(4_000), "What the browser was asked and by whom.");

const transports = v.pipe(v.array(v.pipe(v.string(), v.maxLength(50))), v.maxLength(10));

export const registrationSchema = v.object({
  ...credential,
  response: described(
    v.object({
      clientDataJSON,
      attestationObject: described(bytes(40_000), "The new public key, as the authenticator tells of it."),
      transports: v.optional(described(transports, "How the authenticator is reached."), []),
    }),
    "What the authenticator has made.",
  ),
});
export type PasskeyRegistration = v.InferOutput<typeof registrationSchema>;

export const assertionSchema = v.object({
  ...credential,
  response: described(
    v.object({
      clientDataJSON,
      authenticatorData: described(bytes(4_000), "What the authenticator says of itself."),
      signature: described(bytes(8_000), "Its signature of both."),
      userHandle: v.exactOptional(
        described(v.nullable(bytes(100)), "Whose the passkey is, where the authenticator keeps that."),
      ),
    }),
    "What the authenticator has signed.",
  ),
});
export type PasskeyAssertion = v.InferOutput<typeof assertionSchema>;
