import type {
  AuditActor,
  AuditEntry,
  AuditResult,
  AuditTarget,
  AuditValue,
} from "../../../contract/audit/entry.ts";
import { scopeText } from "../../../contract/access/scope.ts";
import type { GrantView, GroupView, UserView } from "../../../contract/access/people.ts";
import type { People } from "../people/port.ts";
import { difference } from "./differences.ts";
import type { AuditLog } from "./port.ts";

/**
 * People as one actor changes them: each change is a line, with what was and what is. A method that `People` gets does
 * not compile before it is decided here what the log says of it. `details` stand in each line beside.
 */
export function auditedPeople(
  { users, passwords, factors, invitations, groups, roles, grants, tokens, sessions, links }: People,
  log: AuditLog,
  actor: AuditActor,
  details: Readonly<Record<string, AuditValue>> = {},
): People {
  const change = <T>(
    entry: Omit<AuditEntry, "actor">,
    act: () => Promise<T>,
    told?: (result: T) => AuditResult | Promise<AuditResult>,
  ) => log.around({ ...entry, actor, details: { ...details, ...entry.details } }, act, told);
  /** As it was; null where it is not there, which the change itself says then. */
  const before = <T>(look: Promise<T>): Promise<T | null> => look.catch(() => null);
  const userNamed = (name: string) => before(users.get(name));
  const groupNamed = (name: string) =>
    before(
      groups.list().then((all) =>
        all.find(({ id, name: other }) => id === name || isSame(other, name.replace(/^@/, ""))) ?? null
      ),
    );

  return {
    users: {
      list: (range) => users.list(range),
      get: (user) => users.get(user),
      create: (request, by) =>
        change(
          { action: "user.create", target: userTarget(request.name) },
          () => users.create(request, by),
          (made) => ({ change: { before: null, after: userFacts(made) } }),
        ),
      async change(user, wanted) {
        const was = await userNamed(user);
        return await change(
          { action: "user.change", target: userTarget(was?.name ?? user) },
          () => users.change(user, wanted),
          (is) => ({ change: difference(was && userFacts(was), userFacts(is)) }),
        );
      },
      async remove(user) {
        const was = await userNamed(user);
        return await change(
          { action: "user.remove", target: userTarget(was?.name ?? user) },
          () => users.remove(user),
          () => ({ change: { before: was && userFacts(was), after: null } }),
        );
      },
    },
    passwords: {
      async set(user, wanted, by) {
        const was = await userNamed(user);
        return await change(
          { action: "password.change", target: userTarget(was?.name ?? user) },
          () => passwords.set(user, wanted, by),
          ({ tokens_ended: tokensEnded, mailed }) => ({ details: { tokens_ended: tokensEnded, mailed } }),
        );
      },
    },
    factors: {
      get: (user) => factors.get(user),
      async reset(user, by) {
        const was = await userNamed(user);
        return await change(
          { action: "factor.remove", target: userTarget(was?.name ?? user) },
          () => factors.reset(user, by),
          ({ kinds, mailed }) => ({ details: { kinds, mailed } }),
        );
      },
    },
    invitations: {
      invite: (request, by) =>
        change(
          { action: "user.invite", target: userTarget(request.name) },
          () => invitations.invite(request, by),
          // The link lets in: it is in its answer and nowhere else.
          ({ mailed, expires_at: expiresAt }) => ({ details: { mailed, expires_at: expiresAt } }),
        ),
    },
    groups: {
      list: () => groups.list(),
      create: (request, by) =>
        change(
          { action: "group.create", target: groupTarget(request.name) },
          () => groups.create(request, by),
          (made) => ({ change: { before: null, after: groupFacts(made) } }),
        ),
      async remove(group) {
        const was = await groupNamed(group);
        return await change(
          { action: "group.remove", target: groupTarget(was?.name ?? group) },
          () => groups.remove(group),
          () => ({ change: { before: was && groupFacts(was), after: null } }),
        );
      },
      async addMember(group, user) {
        const [into, who] = [await groupNamed(group), await userNamed(user)];
        return await change(
          {
            action: "group.add",
            target: groupTarget(into?.name ?? group),
            details: { user: who?.name ?? user },
          },
          () => groups.addMember(group, user),
        );
      },
      async removeMember(group, user) {
        const [from, who] = [await groupNamed(group), await userNamed(user)];
        return await change(
          {
            action: "group.drop",
            target: groupTarget(from?.name ?? group),
            details: { user: who?.name ?? user },
          },
          () => groups.removeMember(group, user),
        );
      },
    },
    roles: {
      list: () => roles.list(),
      async put(name, role, by) {
        const was = await before(roleNamed(roles, name));
        return await change(
          { action: "role.put", target: { kind: "role", name } },
          () => roles.put(name, role, by),
          (is) => ({ change: difference(was, roleFacts(is)) }),
        );
      },
      async remove(name) {
        const was = await before(roleNamed(roles, name));
        return await change(
          { action: "role.remove", target: { kind: "role", name } },
          () => roles.remove(name),
          () => ({ change: { before: was, after: null } }),
        );
      },
    },
    grants: {
      list: () => grants.list(),
      add: (request, by) =>
        change(
          {
            action: "grant.add",
            target: holderTarget(request.holder),
            details: { role: request.role, scope: scopeText(request.scope ?? { kind: "all" }) },
          },
          () => grants.add(request, by),
          (made) => ({ target: holderTarget(made.holder), details: grantFacts(made) }),
        ),
      remove: (holder, what) =>
        change(
          {
            action: "grant.remove",
            target: holderTarget(holder),
            details: {
              role: what.role ?? "any",
              ...(what.scope === undefined ? {} : { scope: scopeText(what.scope) }),
            },
          },
          () => grants.remove(holder, what),
          (gone) => ({ change: { before: gone.map(grantFacts), after: [] } }),
        ),
    },
    tokens: {
      list: (user) => tokens.list(user),
      create: (request, by) =>
        change(
          { action: "token.create", target: { kind: "token", name: request.name } },
          () => tokens.create(request, by),
          // The token's text is in its answer and nowhere else.
          ({ id, user, role, scopes, expires_at: expiresAt }) => ({
            details: { id, user, role, expires_at: expiresAt, scopes: { ...scopes } },
          }),
        ),
      async revoke(id) {
        const was = await before(tokens.list().then((all) => all.find((one) => one.id === id)));
        return await change(
          {
            action: "token.revoke",
            target: { kind: "token", name: was?.name ?? id },
            details: { id, user: was?.user ?? null },
          },
          () => tokens.revoke(id),
        );
      },
      async rotate(id, request) {
        const was = await before(tokens.list().then((all) => all.find((one) => one.id === id)));
        return await change(
          {
            action: "token.rotate",
            target: { kind: "token", name: was?.name ?? id },
            details: { id, user: was?.user ?? null, overlap: request.overlap ?? null },
          },
          () => tokens.rotate(id, request),
          ({ expires_at: expiresAt }) => ({ details: { expires_at: expiresAt } }),
        );
      },
    },
    sessions: {
      list: (user) => sessions.list(user),
      async end(id) {
        const was = await before(sessions.list().then((all) => all.find((one) => one.id === id)));
        return await change(
          {
            action: "session.end",
            target: { kind: "session", name: id },
            details: { user: was?.user ?? null, method: was?.method ?? null },
          },
          () => sessions.end(id),
        );
      },
    },
    links: {
      list: (user) => links.list(user),
      async add(user, request, by) {
        const was = await userNamed(user);
        return await change(
          { action: "user.link", target: userTarget(was?.name ?? user) },
          () => links.add(user, request, by),
          ({ issuer, subject, is_pattern: isPattern }) => ({
            change: { before: null, after: { issuer, subject, is_pattern: isPattern } },
          }),
        );
      },
      async remove(user, id) {
        const was = await userNamed(user);
        const link = await before(links.list(user).then((all) => all.find((one) => one.id === id)));
        return await change(
          { action: "user.unlink", target: userTarget(was?.name ?? user) },
          () => links.remove(user, id),
          () => ({
            change: {
              before: link
                ? { issuer: link.issuer, subject: link.subject, is_pattern: link.is_pattern }
                : { id },
              after: null,
            },
          }),
        );
      },
    },
  };
}

const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
const userTarget = (name: string): AuditTarget => ({ kind: "user", name });
const groupTarget = (name: string): AuditTarget => ({ kind: "group", name });

const holderTarget = (holder: string): AuditTarget =>
  holder.startsWith("@") ? groupTarget(holder.slice(1)) : userTarget(holder);

/** What of a user somebody can change. */
function userFacts({ name, kind, state, email, display_name, groups, grants }: UserView) {
  return { name, kind, state, email, display_name, groups, grants: grants.map(grantFacts) };
}

function groupFacts({ name, description, members, grants }: GroupView) {
  return { name, description, members: members.map(({ user }) => user), grants: grants.map(grantFacts) };
}

function grantFacts({ role, scope }: Pick<GrantView, "role" | "scope">) {
  return { role, scope: scopeText(scope) };
}

function roleFacts(
  { permissions, description }: { permissions: readonly string[]; description: string | null },
) {
  return { permissions, description };
}

async function roleNamed(roles: People["roles"], name: string) {
  const found = (await roles.list()).find((role) => isSame(role.name, name));
  return found === undefined ? null : roleFacts(found);
}
