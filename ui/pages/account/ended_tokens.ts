import { formatPlural } from "../../../text/format.ts";

/** How many tokens have ended with a password, as an address says it: `2 tokens`; undefined for none. */
export function endedTokens(count: string | undefined): string | undefined {
  return count === undefined || !/^[1-9]\d{0,3}$/.test(count)
    ? undefined
    : formatPlural(Number(count), "token");
}
