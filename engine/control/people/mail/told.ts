import { toAppError } from "../../../../contract/errors.ts";
import type { UserRecord } from "../../../store/ports/people.ts";
import type { PeopleContext } from "../people_context.ts";
import type { Letter } from "./letters.ts";

/** Whether somebody was told by mail, and why not. */
export interface Told {
  readonly mailed: boolean;
  readonly problem: string | null;
}

/** Sends a person a letter about their account. Never throws: what is done is done, whether or not a mail tells of it. */
export async function tellByMail(
  { mail, log }: Pick<PeopleContext, "mail" | "log">,
  { name, email }: Pick<UserRecord, "name" | "email">,
  { subject, text }: Letter,
): Promise<Told> {
  if (mail === undefined) return { mailed: false, problem: "No mail was sent: none can be sent from here" };
  if (email === null) return { mailed: false, problem: `No mail was sent: "${name}" has no address of mail` };
  try {
    await mail.send(email, subject, text);
    return { mailed: true, problem: null };
  } catch (error) {
    const { message } = toAppError(error);
    log?.("warn", "A mail about a changed account could not be sent", { user: name, error: message });
    return { mailed: false, problem: `No mail was sent: ${message}` };
  }
}
