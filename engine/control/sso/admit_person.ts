import { userActor } from "../../../contract/audit/actor.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { isServersUser } from "../../../contract/names.ts";
import type { LetIn } from "../../store/ports/access.ts";
import type { UserRecord } from "../../store/ports/people.ts";
import { Directory } from "../people/directory.ts";
import type { AdmissionContext, AdmissionRules, ProvidedPerson } from "./admission.ts";
import { freeName } from "./free_name.ts";
import { putIntoGroups } from "./put_into_groups.ts";

/** Another sign-in may take the name, or be the same person's, between looking and writing. */
const TRIES = 5;

/**
 * The user whom somebody at an identity provider is: found by issuer and subject, never by a name or an address alone;
 * linked or created where the rules say so; put into the groups that the provider names. Throws `forbidden` with a reason
 * for somebody who is not let in: domain_not_allowed, not_linked, email_in_use, user_disabled, not_a_person.
 */
export async function admitPerson(
  context: AdmissionContext,
  rules: AdmissionRules,
  person: ProvidedPerson,
): Promise<LetIn> {
  requireDomain(rules, person);
  const user = await findOrMake(context, rules, person);
  requirePerson(user);
  if (user.state === "invited") await context.people.users.change(user.id, { state: "active" });
  await putIntoGroups(context, rules, person, user);
  const letIn = await context.access.findUser(user.id, null, context.clock.now());
  const link = await context.sso.links.find(person.issuer, person.subject);
  if (letIn !== undefined && link !== undefined) {
    await context.sso.links.touch(link.id, context.clock.now());
    return letIn;
  }
  throw refused("user_disabled", `The user "${user.name}" is let in no more: ask whoever manages users`);
}

function requireDomain({ allowedDomains }: AdmissionRules, { verifiedEmail }: ProvidedPerson): void {
  if (allowedDomains.length === 0) return;
  const domain = verifiedEmail?.split("@").at(-1)?.toLowerCase();
  if (domain !== undefined && allowedDomains.includes(domain)) return;
  throw refused(
    "domain_not_allowed",
    verifiedEmail === undefined
      ? "The identity provider gives no verified address of mail, and the operator lets in some domains alone"
      : `Addresses of ${domain} are not let in: sign in with another account`,
  );
}

async function findOrMake(
  context: AdmissionContext,
  rules: AdmissionRules,
  person: ProvidedPerson,
): Promise<UserRecord> {
  for (let left = TRIES;; left--) {
    try {
      return await linkedUser(context, person) ?? await newUser(context, rules, person);
    } catch (error) {
      if (toAppError(error).code !== "conflict" || left === 0) throw error;
    }
  }
}

async function linkedUser(
  { people, sso }: AdmissionContext,
  { issuer, subject }: ProvidedPerson,
): Promise<UserRecord | undefined> {
  const link = await sso.links.find(issuer, subject);
  return link && await people.users.find(link.user);
}

async function newUser(
  context: AdmissionContext,
  rules: AdmissionRules,
  person: ProvidedPerson,
): Promise<UserRecord> {
  const { verifiedEmail } = person;
  const known = verifiedEmail === undefined
    ? undefined
    : await context.people.users.findByEmail(verifiedEmail);
  if (known !== undefined) return await linkedByEmail(context, rules, person, known);
  if (!rules.createUsers) {
    throw refused(
      "not_linked",
      `Nobody here is linked to your account (${person.subject}): ask whoever manages users to link it`,
    );
  }
  const role = rules.defaultRole === undefined
    ? undefined
    : await new Directory(context.people).role(rules.defaultRole);
  return await createUser(context, person, role);
}

async function linkedByEmail(
  { sso, audit, clock }: AdmissionContext,
  { linkByEmail }: AdmissionRules,
  { issuer, subject, address }: ProvidedPerson,
  user: UserRecord,
): Promise<UserRecord> {
  if (!linkByEmail) {
    throw refused(
      "email_in_use",
      `There is a user with your address of mail, which is not linked to your account (${subject}): ask whoever ` +
        "manages users to link it",
    );
  }
  requirePerson(user);
  const createdAtMs = clock.now();
  const link = {
    id: crypto.randomUUID(),
    user: user.id,
    issuer,
    subject,
    isPattern: false,
    createdAtMs,
    createdBy: null,
  };
  await audit.around({
    action: "user.link",
    actor: userActor(user, address),
    target: { kind: "user", name: user.name },
    details: { issuer, subject, by: "email" },
  }, () => sso.links.add(link));
  return user;
}

async function createUser(
  context: AdmissionContext,
  person: ProvidedPerson,
  role: string | undefined,
): Promise<UserRecord> {
  const { issuer, subject, displayName, verifiedEmail, address } = person;
  const createdAtMs = context.clock.now();
  const user = {
    id: crypto.randomUUID(),
    name: await freeName(context, person),
    kind: "person",
    state: "active",
    email: verifiedEmail ?? null,
    displayName: displayName ?? null,
    createdAtMs,
    createdBy: null,
    lastSeenAtMs: null,
  } as const;
  const link = { id: crypto.randomUUID(), user: user.id, issuer, subject, isPattern: false } as const;
  await context.audit.around({
    action: "user.create",
    actor: userActor(user, address),
    target: { kind: "user", name: user.name },
    details: { by: "sso", issuer, subject, ...(role === undefined ? {} : { role }) },
  }, () => context.sso.links.addWithUser(user, { ...link, createdAtMs, createdBy: null }, role));
  return user;
}

function requirePerson({ name, kind, state }: UserRecord): void {
  if (kind !== "person" || isServersUser(name)) {
    throw refused(
      "not_a_person",
      `"${name}" is a service: services have tokens, and do not sign in on the page`,
    );
  }
  if (state === "disabled") {
    throw refused("user_disabled", `The user "${name}" is let in no more: ask whoever manages users`);
  }
}

const refused = (reason: string, message: string) => new AppError("forbidden", message, { reason });
