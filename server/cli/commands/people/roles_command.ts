import { isPermission, PERMISSION_NAMES } from "../../../../contract/access/permissions.ts";
import { AppError } from "../../../../contract/errors.ts";
import { didYouMean } from "../../../../text/suggest.ts";
import { formatTable } from "../../table.ts";
import { localName, type PeopleActions, peopleCommand } from "./people_command.ts";

const ACTIONS: PeopleActions = {
  async list({ people, terminal, isJson }) {
    const list = await people.roles.list();
    if (isJson) return terminal.out(JSON.stringify(list));
    terminal.out(formatTable(
      [{ title: "NAME", minWidth: 12 }, { title: "MAY", minWidth: 20 }],
      list.map(({ name, permissions }) => [name, permissions.join(", ")]),
      terminal.tableColumns(),
    ));
  },
  async create({ people, invocation, terminal, isJson, need }) {
    const [name = ""] = need("a NAME for the role");
    const description = invocation.text("description");
    const role = await people.roles.put(name, {
      permissions: readPermissions(invocation.list("permission")),
      ...(description === undefined ? {} : { description }),
    }, localName());
    terminal.out(isJson ? JSON.stringify(role) : `${role.name} may ${role.permissions.join(", ")}`);
  },
  async remove({ people, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a role");
    await people.roles.remove(name);
    terminal.out(isJson ? JSON.stringify({ name }) : `Removed the role ${name}`);
  },
};

/** `sluice roles [list | create | remove] NAME`. */
export const roles = peopleCommand(ACTIONS);

/** Throws invalid for a word that is none, and for none at all. */
export function readPermissions(words: readonly string[]) {
  if (words.length === 0) {
    throw new AppError(
      "invalid",
      `Say what it may: --permission, one or more of ${PERMISSION_NAMES.join(", ")}`,
    );
  }
  return words.map((word) => {
    if (isPermission(word)) return word;
    const message = `--permission is "${word}", expected one of ${PERMISSION_NAMES.join(", ")}`;
    throw new AppError("invalid", `${message}${didYouMean(word, PERMISSION_NAMES)}`);
  });
}
