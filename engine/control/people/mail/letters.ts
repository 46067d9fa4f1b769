import type { UserRecord } from "../../../store/ports/people.ts";

/** What people are told by mail. Names that somebody has typed stand in the text alone, never in a header. */

export interface Letter {
  readonly subject: string;
  readonly text: string;
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
