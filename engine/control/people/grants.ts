import type { GrantView, NewGrant } from "../../../contract/access/people.ts";
import { type Scope, scopeText } from "../../../contract/access/scope.ts";
import { AppError } from "../../../contract/errors.ts";
import { isServersUser, quoteName } from "../../../contract/names.ts";
import { Directory } from "./directory.ts";
import type { GrantRecord } from "../../store/ports/people.ts";
import type { PeopleContext } from "./people_context.ts";
import type { Grants } from "./port.ts";
import { grantView } from "./views.ts";

/** Grants as the control store has them. */
export class LocalGrants implements Grants {
  readonly #context: PeopleContext;
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async list(): Promise<GrantView[]> {
    return (await this.#context.people.grants.list()).map(grantView);
  }

  async add({ holder, role: roleName, scope = { kind: "all" } }: NewGrant, by: string): Promise<GrantView> {
    const role = await this.#directory.role(roleName);
    const { id: to, name } = await this.#directory.holder(holder);
    const nowMs = this.#context.clock.now();
    await this.#context.people.grants.add({
      id: crypto.randomUUID(),
      role,
      scope,
      to,
      createdAtMs: nowMs,
      createdBy: by,
    });
    const made = (await this.#context.people.grants.list()).find((one) =>
      one.holder === name && one.role === role && scopeText(one.scope) === scopeText(scope)
    );
    if (made === undefined) throw new AppError("conflict", `"${holder}" was removed meanwhile`);
    return grantView(made);
  }

  async remove(
    holder: string,
    { role, scope }: { readonly role?: string; readonly scope?: Scope },
  ): Promise<GrantView[]> {
    const { id: from, name } = await this.#directory.holder(holder);
    if (isServersUser(name)) {
      throw new AppError("conflict", `"${name}" is the server's own: it has its role again at each start`);
    }
    const isMeant = (grant: GrantRecord) =>
      grant.holder === name && (role === undefined || grant.role === role) &&
      (scope === undefined || scopeText(grant.scope) === scopeText(scope));
    const gone = (await this.#context.people.grants.list()).filter(isMeant);
    if (gone.length === 0) {
      const what = role === undefined ? "no role" : `not the role "${role}"`;
      const where = scope === undefined ? "" : ` over ${scopeText(scope)}`;
      throw new AppError("not_found", `${quoteName(holder)} has ${what}${where}`);
    }
    await this.#directory.requireOthers((other, _user, held, over) =>
      other === name && (role === undefined || held === role) &&
      (scope === undefined || scopeText(scope) === over)
    );
    const what = {
      ...(role === undefined ? {} : { role }),
      ...(scope === undefined ? {} : { scope }),
    };
    await this.#context.people.grants.remove(from, what);
    return gone.map(grantView);
  }
}
