import type { RolePut, RoleView } from "../../../contract/access/people.ts";
import { isBuiltInRole } from "../../../contract/access/permissions.ts";
import { AppError } from "../../../contract/errors.ts";
import { requireName } from "../../../contract/names.ts";
import { Directory } from "./directory.ts";
import type { PeopleContext } from "./people_context.ts";
import type { Roles } from "./port.ts";
import { BUILT_IN_VIEWS, roleView } from "./views.ts";

/** The roles that are always there, and those of whoever runs the server. */
export class LocalRoles implements Roles {
  readonly #context: PeopleContext;
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async list(): Promise<RoleView[]> {
    return [...BUILT_IN_VIEWS, ...(await this.#context.people.roles.list()).map(roleView)];
  }

  async put(name: string, request: RolePut, by: string): Promise<RoleView> {
    const { permissions, description = null } = request;
    requireName("role", name);
    const role = { name, description, permissions: [...new Set(permissions)], createdBy: by };
    await this.#directory.requireOthers((_holder, _user, held, _scope, kept) =>
      held.toLowerCase() === name.toLowerCase() && !kept.every((one) => permissions.includes(one))
    );
    await this.#context.people.roles.put({ ...role, createdAtMs: this.#context.clock.now() });
    return roleView({ ...role, createdAtMs: this.#context.clock.now() });
  }

  async remove(name: string): Promise<void> {
    if (isBuiltInRole(name)) throw new AppError("conflict", `The role "${name}" is always there`);
    if (!await this.#context.people.roles.remove(name)) throw await this.#directory.noRole("not_found", name);
  }
}
