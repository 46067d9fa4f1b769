import {
  BUILT_IN_ROLES,
  isBuiltInRole,
  type Permission,
  PERMISSION_NAMES,
  permissionsOf,
} from "../../../contract/access/permissions.ts";
import { AppError } from "../../../contract/errors.ts";
import { LOCAL_TOKEN_NAME, quoteName } from "../../../contract/names.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { GroupRecord, HolderId, PeopleStore, RoleRecord, UserRecord } from "../../store/ports/people.ts";

/** What somebody must be able to do, where anybody is: nobody gives more than they may themselves. */
const KEPT: readonly (readonly Permission[])[] = [["people:manage"], PERMISSION_NAMES];

/** Finds users, groups and roles by what people call them; each throws not_found, with the name that was likely meant. */
export class Directory {
  readonly #people: PeopleStore;

  constructor(people: PeopleStore) {
    this.#people = people;
  }

  async user(idOrName: string): Promise<UserRecord> {
    const found = await this.#people.users.find(idOrName);
    if (found !== undefined) return found;
    const names = (await this.#people.users.list()).map(({ name }) => name);
    throw new AppError(
      "not_found",
      `There is no user ${quoteName(idOrName)}${didYouMean(idOrName, names)}`,
    );
  }

  async group(idOrName: string): Promise<GroupRecord> {
    const found = await this.#people.groups.find(idOrName.replace(/^@/, ""));
    if (found !== undefined) return found;
    const names = (await this.#people.groups.list()).map(({ name }) => name);
    throw new AppError(
      "not_found",
      `There is no group ${quoteName(idOrName)}${didYouMean(idOrName, names)}`,
    );
  }

  /** Who is meant by a user's name or id, or by `@` and a group's; the name is as grants show it. */
  async holder(holder: string): Promise<{ readonly id: HolderId; readonly name: string }> {
    if (holder.startsWith("@")) {
      const { id, name } = await this.group(holder);
      return { id: { group: id }, name: `@${name}` };
    }
    const { id, name } = await this.user(holder);
    return { id: { user: id }, name };
  }

  /** Its name as it is written where it is there. Throws invalid. */
  async role(name: string): Promise<string> {
    if (isBuiltInRole(name)) return name;
    const own = (await this.#people.roles.list()).find((role: RoleRecord) =>
      role.name.toLowerCase() === name.toLowerCase()
    );
    if (own !== undefined) return own.name;
    throw await this.noRole("invalid", name);
  }

  async noRole(code: "invalid" | "not_found", name: string): Promise<AppError> {
    const names = [...BUILT_IN_ROLES, ...(await this.#people.roles.list()).map((role) => role.name)];
    return new AppError(code, `There is no role ${quoteName(name)}${didYouMean(name, names)}`);
  }

  /**
   * Throws conflict where without what `isGone` says nobody but the server's own commands could manage people, or nobody
   * could give all that there is to give: an active user's role over all, by a grant of its own or of a group that it is
   * in. `isGone` is asked for each with the permissions that somebody has to keep.
   */
  async requireOthers(
    isGone: (
      holder: string,
      user: string,
      role: string,
      scope: string,
      kept: readonly Permission[],
    ) => boolean,
  ): Promise<void> {
    const { users, groups, roles, grants } = this.#people;
    const own = new Map(
      (await roles.list()).map(({ name, permissions }) => [name.toLowerCase(), permissions]),
    );
    const permissionsBy = (role: string): readonly Permission[] =>
      isBuiltInRole(role) ? [...permissionsOf(role)] : own.get(role.toLowerCase()) ?? [];
    const members = new Map(
      (await groups.list()).map(({ name, members }) => [`@${name}`, members.map(({ user }) => user)]),
    );
    const active = new Set(
      (await users.list()).filter(({ state, name }) => state === "active" && name !== LOCAL_TOKEN_NAME)
        .map(({ name }) => name),
    );
    const holds = (await grants.list()).filter(({ scope }) => scope.kind === "all")
      .flatMap(({ holder, role }) =>
        (members.get(holder) ?? [holder]).map((user) => ({ holder, user, role }))
      )
      .filter(({ user }) => active.has(user));
    for (const kept of KEPT) {
      const keeping = holds.filter(({ role }) => {
        const permissions = permissionsBy(role);
        return kept.every((permission) => permissions.includes(permission));
      });
      const isLeft = keeping.some(({ holder, user, role }) => !isGone(holder, user, role, "all", kept));
      if (isLeft || keeping.length === 0) continue;
      throw new AppError(
        "conflict",
        "That would leave nobody who may manage users: grant the role admin to another user first",
      );
    }
  }
}
