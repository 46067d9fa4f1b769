import type { GrantView } from "../../../../contract/access/people.ts";
import { scopeText } from "../../../../contract/access/scope.ts";
import type { CommandRun } from "../../command.ts";
import { formatTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, withoutSeconds } from "../../text.ts";
import { localName, readScope, withPeople } from "./people_command.ts";

/** `sluice grants`. */
export const grants: CommandRun = (invocation, context) =>
  withPeople(invocation, context, "read", async (people) => {
    showGrants(await people.grants.list(), invocation.flag("json"), context.terminal);
  });

/** `sluice grant USER|@GROUP ROLE [--pipeline NAME | --tag TAG | --connector NAME]`. */
export const grant: CommandRun = (invocation, context) =>
  withPeople(invocation, context, "change", async (people) => {
    const [holder = "", role = ""] = invocation.arguments;
    const scope = readScope(invocation);
    const made = await people.grants.add(
      { holder, role, ...(scope === undefined ? {} : { scope }) },
      localName(),
    );
    context.terminal.out(
      invocation.flag("json")
        ? JSON.stringify(made)
        : `${made.holder} is ${made.role} over ${scopeText(made.scope)}`,
    );
  });

/** `sluice revoke USER|@GROUP [ROLE] [--pipeline NAME | --tag TAG | --connector NAME]`. */
export const revoke: CommandRun = (invocation, context) =>
  withPeople(invocation, context, "change", async (people) => {
    const [holder = "", role] = invocation.arguments;
    const scope = readScope(invocation);
    const gone = await people.grants.remove(holder, {
      ...(role === undefined ? {} : { role }),
      ...(scope === undefined ? {} : { scope }),
    });
    const { terminal } = context;
    if (invocation.flag("json")) return terminal.out(JSON.stringify(gone));
    for (const one of gone) {
      terminal.out(`${one.holder} is no longer ${one.role} over ${scopeText(one.scope)}`);
    }
  });

function showGrants(list: readonly GrantView[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(list));
  terminal.out(formatTable(
    [
      { title: "WHO", minWidth: 12 },
      { title: "ROLE" },
      { title: "OVER", minWidth: 12 },
      { title: "BY", mayGo: true },
      { title: "SINCE (UTC)", short: withoutSeconds, mayGo: true },
    ],
    list.map((one) => [
      one.holder,
      one.role,
      scopeText(one.scope),
      one.created_by ?? "–",
      formatTime(one.created_at),
    ]),
    terminal.tableColumns(),
  ));
}
