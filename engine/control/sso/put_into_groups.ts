import { userActor } from "../../../contract/audit/actor.ts";
import type { AuditAction } from "../../../contract/audit/entry.ts";
import type { GroupRecord, UserRecord } from "../../store/ports/people.ts";
import type { AdmissionContext, AdmissionRules, ProvidedPerson } from "./admission.ts";

/**
 * Makes the user a member of the groups that the provider names, and of no other because of it: those that an operator
 * has put the user into stay. A group that is not there is not made.
 */
export async function putIntoGroups(
  { people, audit }: AdmissionContext,
  rules: AdmissionRules,
  { issuer, groups: provided, address }: ProvidedPerson,
  { id, name, kind }: UserRecord,
): Promise<void> {
  const groups = await people.groups.list();
  const wanted = new Set(
    provided.flatMap((group) => oursOf(rules, group)).map((group) => group.toLowerCase()),
  );
  const meant = groups.filter((group) => wanted.has(group.name.toLowerCase()));
  const sourceIn = ({ members }: GroupRecord) => members.find(({ user }) => user === name)?.source;
  const added = meant.filter((group) => sourceIn(group) === undefined);
  const removed = groups.filter((group) => sourceIn(group) === "sso" && !meant.includes(group));
  // Whoever is in the right groups signs in also where the store takes nothing.
  if (added.length + removed.length === 0) return;
  const noting = (action: AuditAction, group: GroupRecord, act: () => Promise<unknown>) => () =>
    audit.around({
      action,
      actor: userActor({ id, name, kind }, address),
      target: { kind: "group", name: group.name },
      details: { user: name, by: "sso", issuer },
    }, act);
  let act: () => Promise<unknown> = () => people.groups.setSsoMember(id, meant.map((group) => group.id));
  // Each change has a line of its own, and all of them are written down before the first is done.
  for (const group of added) act = noting("group.add", group, act);
  for (const group of removed) act = noting("group.drop", group, act);
  await act();
}

/** Some providers give a group's path, as `/finance`. */
function oursOf({ groups }: AdmissionRules, provided: string): readonly string[] {
  if (groups !== undefined) return groups.get(provided) ?? [];
  return [provided.replace(/^\/(?=[^/]+$)/, "")];
}
