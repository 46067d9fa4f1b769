import { matchesSubject } from "../../../contract/access/links.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { AccessStore, LetIn } from "../../store/ports/access.ts";
import type { LinkRecord, LinkStore } from "../../store/ports/sso.ts";

export interface WorkloadContext {
  readonly access: AccessStore;
  readonly links: LinkStore;
  readonly clock: Pick<Clock, "now">;
}

/** Whom a subject of an issuer lets in, and by which link. */
export interface LinkedUser {
  readonly link: LinkRecord;
  readonly letIn: LetIn;
}

/**
 * The active user that is linked to a subject: by exactly that, else by the pattern that says most. Nobody is created.
 */
export async function findWorkload(
  { access, links, clock }: WorkloadContext,
  issuer: string,
  subject: string,
): Promise<LinkedUser | undefined> {
  const link = await links.find(issuer, subject) ??
    (await links.patterns(issuer)).find((one) => matchesSubject(one.subject, subject));
  if (link === undefined) return undefined;
  const letIn = await access.findUser(link.user, null, clock.now());
  return letIn && { link, letIn };
}
