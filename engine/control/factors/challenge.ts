/** How long a challenge for a passkey may be answered. */
export const CHALLENGE_MS = 5 * 60_000;
