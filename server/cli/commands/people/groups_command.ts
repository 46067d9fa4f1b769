import type { GroupView } from "../../../../contract/access/people.ts";
import { grantsText } from "../../../../contract/access/scope.ts";
import { formatTable } from "../../table.ts";
import { localName, type PeopleActions, peopleCommand } from "./people_command.ts";

const ACTIONS: PeopleActions = {
  async list({ people, terminal, isJson }) {
    const list = await people.groups.list();
    if (isJson) return terminal.out(JSON.stringify(list));
    terminal.out(formatTable(
      [{ title: "NAME", minWidth: 12 }, { title: "MEMBERS", minWidth: 12 }, {
        title: "ROLES",
        minWidth: 12,
      }],
      list.map((group) => [group.name, membersOf(group), grantsText(group.grants) || "–"]),
      terminal.tableColumns(),
    ));
  },
  async create({ people, invocation, terminal, isJson, need }) {
    const [name = ""] = need("a NAME for the group");
    const description = invocation.text("description");
    const group = await people.groups.create({
      name,
      ...(description === undefined ? {} : { description }),
    }, localName());
    terminal.out(isJson ? JSON.stringify(group) : `Created the group ${group.name}`);
  },
  async remove({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a group");
    await people.groups.remove(name);
    terminal.out(isJson ? JSON.stringify({ name }) : `Removed the group ${name} with its grants`);
  },
  async add({ people, terminal, isJson, need }) {
    const [name = "", user = ""] = need("the NAME of a group", "the name of a USER");
    const group = await people.groups.addMember(name, user);
    terminal.out(isJson ? JSON.stringify(group) : `In ${group.name}: ${membersOf(group)}`);
  },
  async drop({ people, terminal, isJson, need }) {
    const [name = "", user = ""] = need("the NAME of a group", "the name of a USER");
    const group = await people.groups.removeMember(name, user);
    terminal.out(isJson ? JSON.stringify(group) : `In ${group.name}: ${membersOf(group)}`);
  },
};

/** `sluice groups [list | create | remove | add | drop] NAME [USER]`. */
export const groups = peopleCommand(ACTIONS);

const membersOf = ({ members }: GroupView) => members.map(({ user }) => user).join(", ") || "nobody";
