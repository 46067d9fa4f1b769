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
  const { added, removed } = await people.groups.setSsoMember(id, meant.map((group) => group.id));
  const record = (action: AuditAction, group: GroupRecord) =>
    audit.record({
      action,
      actor: { id, name, kind, address },
      target: { kind: "group", name: group.name },
      details: { user: name, by: "sso", issuer },
    });
  for (const group of groups.filter((one) => added.includes(one.id))) await record("group.add", group);
  for (const group of groups.filter((one) => removed.includes(one.id))) await record("group.drop", group);
}

/** Some providers give a group's path, as `/finance`. */
function oursOf({ groups }: AdmissionRules, provided: string): readonly string[] {
  if (groups !== undefined) return groups.get(provided) ?? [];
  return [provided.replace(/^\/(?=[^/]+$)/, "")];
}
