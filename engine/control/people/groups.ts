import type { GroupView, NewGroup } from "../../../contract/access/people.ts";
import { AppError } from "../../../contract/errors.ts";
import { requireName } from "../../../contract/names.ts";
import { Directory } from "./directory.ts";
import type { PeopleContext } from "./people_context.ts";
import type { Groups } from "./port.ts";
import { groupView } from "./views.ts";

/** Groups as the control store has them. */
export class LocalGroups implements Groups {
  readonly #context: PeopleContext;
  readonly #directory: Directory;

  constructor(context: PeopleContext) {
    this.#context = context;
    this.#directory = new Directory(context.people);
  }

  async list(): Promise<GroupView[]> {
    const held = await this.#context.people.grants.list();
    return (await this.#context.people.groups.list()).map((group) => groupView(group, held));
  }

  async create(request: NewGroup, by: string): Promise<GroupView> {
    const { name, description = null } = request;
    requireName("group", name);
    const id = crypto.randomUUID();
    await this.#context.people.groups.create({
      id,
      name,
      description,
      createdAtMs: this.#context.clock.now(),
      createdBy: by,
    });
    return await this.#groupView(id);
  }

  async remove(name: string): Promise<void> {
    const group = await this.#directory.group(name);
    await this.#directory.requireOthers((holder) => holder === `@${group.name}`);
    await this.#context.people.groups.remove(group.id);
  }

  async addMember(name: string, userName: string): Promise<GroupView> {
    const group = await this.#directory.group(name);
    const user = await this.#directory.user(userName);
    await this.#context.people.groups.addMember(group.id, user.id, "local");
    return await this.#groupView(group.id);
  }

  async removeMember(name: string, userName: string): Promise<GroupView> {
    const group = await this.#directory.group(name);
    const user = await this.#directory.user(userName);
    await this.#directory.requireOthers((holder, member) =>
      holder === `@${group.name}` && member === user.name
    );
    if (!await this.#context.people.groups.removeMember(group.id, user.id)) {
      throw new AppError("not_found", `"${user.name}" is not in the group "${group.name}"`);
    }
    return await this.#groupView(group.id);
  }

  async #groupView(id: string): Promise<GroupView> {
    return groupView(await this.#directory.group(id), await this.#context.people.grants.list());
  }
}
