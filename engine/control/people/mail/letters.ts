import { FACTOR_NAMES, type FactorKind } from "../../../../contract/access/factors.ts";
import { formatPlural } from "../../../../text/format.ts";
import { listWords } from "../../../../text/suggest.ts";
import type { UserRecord } from "../../../store/ports/people.ts";

/** What people are told by mail. Names that somebody has typed stand in the text alone, never in a header. */

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

/** What somebody else has done to an account. */
interface Done {
  readonly by: string;
  readonly atMs: number;
}

export function invitationLetter({ name }: UserRecord, link: string, by: string): Letter {
  return {
    subject: "You are invited to Sluice",
    text: `${by} has made you a user of Sluice, with the name ${name}.

Choose your password here, within 72 hours:

  ${link}

The link is good once. If you did not expect it, do nothing: without it nobody gets in.
`,
  };
}

export function resetLetter({ name }: UserRecord, link: string): Letter {
  return {
    subject: "Another password for Sluice",
    text: `Somebody, likely you, has asked for another password of ${name} at Sluice.

Choose it here, within an hour:

  ${link}

The link is good once, and ends wherever you are signed in. If it was not you, do nothing: your password stays
as it is.
`,
  };
}

export function passwordSetLetter(
  { name }: UserRecord,
  { by, atMs, tokensEnded }: Done & { readonly tokensEnded: number },
): Letter {
  const tokens = tokensEnded === 0 ? "" : `, and ${formatPlural(tokensEnded, "token")} of yours`;
  return {
    subject: "Your password for Sluice was set",
    text: `${by} has set another password of ${name} at Sluice on ${timeText(atMs)}.

Wherever you were signed in, that has ended${tokens}. ${NOT_EXPECTED}
`,
  };
}

export function factorsResetLetter(
  { name }: UserRecord,
  { by, atMs, kinds }: Done & { readonly kinds: readonly FactorKind[] },
): Letter {
  const what = listWords(kinds.map((kind) => FACTOR_NAMES[kind]), "and");
  return {
    subject: "Your second factors for Sluice were removed",
    text: `${by} has removed the ${what} of ${name} with the recovery codes at Sluice on ${timeText(atMs)}.

Wherever you were signed in, that has ended. ${NOT_EXPECTED}
`,
  };
}

const NOT_EXPECTED = "If you did not expect it, tell whoever looks after Sluice at once.";

const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
