import * as v from "valibot";
import { described, secretDescribed } from "../described.ts";

/** Passwords as the API takes them: no answer ever has one. */

/** In characters, after normalization (NFC). */
export const PASSWORD_LENGTH = { min: 12, max: 256 } as const;

/** How long what was sent may be at all, in UTF-16 units: characters may be several. */
const MOST_SENT = 4 * PASSWORD_LENGTH.max;

const password = v.pipe(v.string(), v.maxLength(MOST_SENT));

export const passwordText = secretDescribed(
  password,
  `${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters of any kind, and not one that is easily guessed.`,
);

export const passwordPutSchema = v.strictObject({
  password: passwordText,
  must_change: v.exactOptional(
    described(v.boolean(), "Whether it lets in only to choose another one; true by default."),
  ),
  end_tokens: v.exactOptional(
    described(v.boolean(), "Whether the user's tokens end too, as its sessions do; true by default."),
  ),
});
export type PasswordPut = v.InferOutput<typeof passwordPutSchema>;

export const passwordChangeSchema = v.strictObject({
  current: secretDescribed(password, "The password until now."),
  password: passwordText,
  end_tokens: v.exactOptional(
    described(v.boolean(), "Whether one's own tokens end too, also one that asks; false by default."),
  ),
});
export type PasswordChange = v.InferOutput<typeof passwordChangeSchema>;

const tokensEnded = described(v.pipe(v.number(), v.integer()), "How many of the user's tokens have ended.");

export const passwordChangedSchema = v.object({ tokens_ended: tokensEnded });
export type PasswordChanged = v.InferOutput<typeof passwordChangedSchema>;

/** Of what somebody else has done to an account. */
export const toldEntries = {
  mailed: described(v.boolean(), "Whether a mail has told the user."),
  problem: described(
    v.nullable(v.string()),
    "Why there was no mail; what was asked for is done all the same.",
  ),
} as const;

export const passwordSetSchema = v.object({ tokens_ended: tokensEnded, ...toldEntries });
export type PasswordSet = v.InferOutput<typeof passwordSetSchema>;
