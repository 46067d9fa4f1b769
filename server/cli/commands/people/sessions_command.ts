import { formatTable } from "../../table.ts";
import { formatTime, withoutSeconds } from "../../text.ts";
import { type PeopleActions, peopleCommand } from "./people_command.ts";

const ACTIONS: PeopleActions = {
  async list({ people, invocation, terminal, isJson }) {
    const list = await people.sessions.list(invocation.text("user"));
    if (isJson) return terminal.out(JSON.stringify(list));
    terminal.out(formatTable(
      [
        { title: "ID" },
        { title: "USER", minWidth: 12 },
        { title: "BY" },
        { title: "FROM", mayGo: true },
        { title: "BEGUN (UTC)", short: withoutSeconds, mayGo: true },
        { title: "LAST USED (UTC)", short: withoutSeconds },
      ],
      list.map((one) => [
        one.id,
        one.user,
        one.method,
        one.address ?? "–",
        formatTime(one.created_at),
        formatTime(one.last_seen_at),
      ]),
      terminal.tableColumns(),
    ));
  },
  async end({ people, terminal, isJson, need }) {
    const [id = ""] = need("the ID of a session");
    await people.sessions.end(id);
    terminal.out(isJson ? JSON.stringify({ id }) : `Ended the session ${id}`);
  },
};

/** `sluice sessions [list | end] [ID]`. */
export const sessions = peopleCommand(ACTIONS);
