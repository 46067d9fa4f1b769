import type { Access } from "../../../contract/access/access.ts";
import type { GroupView, NewGrant, UserView } from "../../../contract/access/people.ts";
import {
  OWNERS_ROLE,
  type Permission,
  PERMISSION_NAMES,
  PERMISSIONS,
  permissionsOf,
} from "../../../contract/access/permissions.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { People } from "../people/port.ts";
import type { Places } from "./guard.ts";

/**
 * People as one principal who may manage them may do it: nobody gives more than they may themselves over all, by a role,
 * a group, a name that owns pipelines or the account of somebody else, and nobody changes, or gets into, the account of
 * somebody who may more. Else `people:manage`, in a role of one's own or left to a token, would be everything. A method
 * that `People` gets does not compile before it is decided here. Each throws forbidden (reason permission_missing).
 */
export function guardedPeople(people: People, access: Access, places: Pick<Places, "subjects">): People {
  if (PERMISSION_NAMES.every((permission) => access.mayEverywhere(permission))) return people;
  const guard = new PeopleGuard(people, access, places);
  const { users, passwords, invitations, factors, groups, roles, grants, tokens, sessions, links } = people;
  return {
    users: {
      list: (range) => users.list(range),
      get: (user) => users.get(user),
      async create(request, by) {
        await guard.requireName(request.name);
        if (request.role !== undefined) await guard.requireRole(request.role);
        return await users.create(request, by);
      },
      async change(user, change) {
        await guard.requireUser(user);
        if (change.name !== undefined) await guard.requireName(change.name);
        return await users.change(user, change);
      },
      async remove(user) {
        await guard.requireUser(user);
        await users.remove(user);
      },
    },
    passwords: {
      async set(user, request, by) {
        await guard.requireUser(user);
        return await passwords.set(user, request, by);
      },
    },
    invitations: {
      async invite(request, by) {
        if (await guard.isUser(request.name)) await guard.requireUser(request.name);
        else {
          await guard.requireName(request.name);
          if (request.role !== undefined) await guard.requireRole(request.role);
        }
        return await invitations.invite(request, by);
      },
    },
    factors: {
      get: (user) => factors.get(user),
      async reset(user, by) {
        await guard.requireUser(user);
        return await factors.reset(user, by);
      },
    },
    groups: {
      list: () => groups.list(),
      async create(request, by) {
        await guard.requireName(`@${request.name}`);
        return await groups.create(request, by);
      },
      async remove(group) {
        await guard.requireGroup(group);
        await groups.remove(group);
      },
      async addMember(group, user) {
        await guard.requireGroup(group);
        return await groups.addMember(group, user);
      },
      async removeMember(group, user) {
        await guard.requireGroup(group);
        return await groups.removeMember(group, user);
      },
    },
    roles: {
      list: () => roles.list(),
      async put(name, role, by) {
        // What it may until now, too: others hold it.
        await guard.requireRole(name);
        guard.requirePermissions(role.permissions, `The role "${name}"`);
        return await roles.put(name, role, by);
      },
      remove: (name) => roles.remove(name),
    },
    grants: {
      list: () => grants.list(),
      async add(request, by) {
        await guard.requireRole(request.role);
        return await grants.add(request, by);
      },
      async remove(holder, what) {
        await guard.requireHolder(holder);
        return await grants.remove(holder, what);
      },
    },
    tokens: {
      list: (user) => tokens.list(user),
      async create(request, by) {
        if (request.user !== undefined) await guard.requireUser(request.user);
        else {
          await guard.requireName(request.name);
          await guard.requireRole(request.role ?? "viewer");
        }
        return await tokens.create(request, by);
      },
      async revoke(id) {
        await guard.requireOwner(await tokens.list(), id);
        await tokens.revoke(id);
      },
      async rotate(id, request) {
        await guard.requireOwner(await tokens.list(), id);
        return await tokens.rotate(id, request);
      },
    },
    sessions: {
      list: (user) => sessions.list(user),
      async end(id) {
        await guard.requireOwner(await sessions.list(), id);
        await sessions.end(id);
      },
    },
    links: {
      list: (user) => links.list(user),
      async add(user, request, by) {
        await guard.requireUser(user);
        return await links.add(user, request, by);
      },
      async remove(user, id) {
        await guard.requireUser(user);
        await links.remove(user, id);
      },
    },
  };
}

/** Compares what others may with what one principal may. What is not there is left to what is asked next, which says so. */
class PeopleGuard {
  readonly #people: People;
  readonly #access: Access;
  readonly #places: Pick<Places, "subjects">;

  constructor(people: People, access: Access, places: Pick<Places, "subjects">) {
    this.#people = people;
    this.#access = access;
    this.#places = places;
  }

  requirePermissions(permissions: Iterable<Permission>, who: string): void {
    const more = [...permissions].find((permission) => !this.#access.mayEverywhere(permission));
    if (more === undefined) return;
    const { name } = this.#access.principal;
    throw new AppError(
      "forbidden",
      `${who} may ${
        PERMISSIONS[more]
      }, which goes further than what "${name}" may here: nobody gives, or manages, ` +
        "more than they may themselves",
      { reason: "permission_missing" },
    );
  }

  async requireRole(name: string): Promise<void> {
    this.requirePermissions(await this.#allowedBy([{ role: name }]), `The role "${name}"`);
  }

  /** A user or group of that name, which may not be there yet, owns what names it as its owner. */
  async requireName(name: string): Promise<void> {
    this.requirePermissions(await this.#owned([name]), `Whoever is called "${name}" owns a pipeline: they`);
  }

  /** By name or id. Oneself may be managed by all that one may. */
  async requireUser(name: string): Promise<void> {
    const user = await this.#people.users.get(name);
    const { principal, isWhole } = this.#access;
    if (user.id === principal.id && isWhole) return;
    this.requirePermissions(await this.#allowedTo(user), `"${user.name}"`);
  }

  async isUser(name: string): Promise<boolean> {
    try {
      await this.#people.users.get(name);
      return true;
    } catch (error) {
      if (toAppError(error).code === "not_found") return false;
      throw error;
    }
  }

  async requireGroup(name: string): Promise<void> {
    const group = findGroup(await this.#people.groups.list(), name);
    if (group === undefined) return;
    this.requirePermissions(await this.#allowedToGroups([group]), `The group "${group.name}"`);
  }

  async requireHolder(holder: NewGrant["holder"]): Promise<void> {
    if (holder.startsWith("@")) await this.requireGroup(holder);
    else await this.requireUser(holder);
  }

  /** Of the token or session with that id. */
  async requireOwner(
    all: readonly { readonly id: string; readonly user: string }[],
    id: string,
  ): Promise<void> {
    const found = all.find((one) => one.id === id);
    if (found !== undefined) await this.requireUser(found.user);
  }

  async #allowedTo({ name, groups: names, grants }: UserView): Promise<Permission[]> {
    const all = await this.#people.groups.list();
    const groups = names.map((one) => findGroup(all, one)).filter((group) => group !== undefined);
    return [
      ...await this.#allowedBy(grants),
      ...await this.#owned([name]),
      ...await this.#allowedToGroups(groups),
    ];
  }

  async #allowedToGroups(groups: readonly GroupView[]): Promise<Permission[]> {
    return [
      ...await this.#allowedBy(groups.flatMap(({ grants }) => grants)),
      ...await this.#owned(groups.map(({ name }) => `@${name}`)),
    ];
  }

  /** Over whatever it is granted. */
  async #allowedBy(grants: readonly { readonly role: string }[]): Promise<Permission[]> {
    const held = new Set(grants.map(({ role }) => role.toLowerCase()));
    return (await this.#people.roles.list()).filter(({ name }) => held.has(name.toLowerCase()))
      .flatMap(({ permissions }) => permissions);
  }

  async #owned(names: readonly string[]): Promise<readonly Permission[]> {
    const meant = new Set(names.map((name) => name.toLowerCase()));
    const isOwner = (await this.#places.subjects()).some(({ owner }) =>
      meant.has(owner?.toLowerCase() ?? "")
    );
    return isOwner ? [...permissionsOf(OWNERS_ROLE)] : [];
  }
}

function findGroup(all: readonly GroupView[], name: string): GroupView | undefined {
  const meant = name.replace(/^@/, "").toLowerCase();
  return all.find((group) => group.id === name || group.name.toLowerCase() === meant);
}
