import type { NewUser, UserChange, UserView } from "../../../contract/access/people.ts";
import { AppError } from "../../../contract/errors.ts";
import { isServersUser, requireName } from "../../../contract/names.ts";
import type { UserRecord } from "../../store/ports/people.ts";
import { Directory } from "./directory.ts";
import type { PeopleContext } from "./people_context.ts";
import type { LocalPasswords } from "./passwords/passwords.ts";
import type { Grants, Users } from "./port.ts";
import { groupsOf, userView } from "./views.ts";

/** Users as the control store has them. */
export class LocalUsers implements Users {
  readonly #context: PeopleContext;
  readonly #directory: Directory;
  readonly #grants: Grants;
  readonly #passwords: LocalPasswords;

  constructor(context: PeopleContext, grants: Grants, passwords: LocalPasswords) {
    this.#context = context;
    this.#passwords = passwords;
    this.#grants = grants;
    this.#directory = new Directory(context.people);
  }

  async list(range: { readonly after?: string; readonly limit?: number }): Promise<UserView[]> {
    const { users, groups, grants } = this.#context.people;
    const [all, held] = [await groups.list(), await grants.list()];
    const links = await this.#context.sso.links.list();
    const kinds = await this.#context.factors.kinds();
    return (await users.list(range)).map((user) =>
      userView(user, groupsOf(user, all), held, links, kinds.get(user.id) ?? [])
    );
  }

  async get(name: string): Promise<UserView> {
    const { groups, grants } = this.#context.people;
    const user = await this.#directory.user(name);
    const links = await this.#context.sso.links.list(user.id);
    const kinds = (await this.#context.factors.kinds(user.id)).get(user.id) ?? [];
    return userView(user, groupsOf(user, await groups.list()), await grants.list(), links, kinds);
  }

  async create(request: NewUser, by: string): Promise<UserView> {
    const { name, kind = "person", email = null, display_name: displayName = null, role } = request;
    const { password, must_change: mustChange = true } = request;
    requireName("user", name);
    if (role !== undefined) await this.#directory.role(role);
    const id = crypto.randomUUID();
    // Before anything is written: a user whose password is refused is not made.
    const kept = password === undefined
      ? undefined
      : await this.#passwords.prepare({ name, kind, email, displayName }, password, mustChange);
    await this.#context.people.users.create({
      id,
      name,
      kind,
      state: "active",
      email,
      displayName,
      createdAtMs: this.#context.clock.now(),
      createdBy: by,
      lastSeenAtMs: null,
    });
    if (kept !== undefined) await this.#context.passwords.put(id, kept);
    if (role !== undefined) await this.#grants.add({ holder: name, role }, by);
    return await this.get(id);
  }

  async change(name: string, change: UserChange): Promise<UserView> {
    const user = await this.#changeable(name);
    const { name: newName, email, display_name: displayName, disabled } = change;
    if (newName !== undefined) requireName("user", newName);
    if (disabled === true) await this.#directory.requireOthers((_holder, name) => name === user.name);
    await this.#context.people.users.change(user.id, {
      ...(newName === undefined ? {} : { name: newName }),
      ...(email === undefined ? {} : { email }),
      ...(displayName === undefined ? {} : { displayName }),
      ...(disabled === undefined ? {} : { state: disabled ? "disabled" : "active" }),
    });
    if (disabled === true) await this.#context.access.endSessionsOf(user.id);
    return await this.get(user.id);
  }

  async remove(name: string): Promise<void> {
    const user = await this.#changeable(name);
    await this.#directory.requireOthers((_holder, name) => name === user.name);
    await this.#context.people.users.remove(user.id);
  }

  /** Throws conflict for those that the server makes for itself. */
  async #changeable(name: string): Promise<UserRecord> {
    const user = await this.#directory.user(name);
    if (!isServersUser(user.name)) return user;
    throw new AppError("conflict", `"${user.name}" is the server's own: it makes it anew at each start`);
  }
}
