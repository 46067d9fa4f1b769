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
});
export type PasswordPut = v.InferOutput<typeof passwordPutSchema>;

export const passwordChangeSchema = v.strictObject({
  current: secretDescribed(password, "The password until now."),
  password: passwordText,
});
export type PasswordChange = v.InferOutput<typeof passwordChangeSchema>;
