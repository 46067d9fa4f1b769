import type { OwnTokenRequest, TokenView } from "../../../../contract/access/people.ts";
import type { People } from "../../../../engine/control/people/port.ts";
import { AppError } from "../../../../contract/errors.ts";
import { didYouMean } from "../../../../text/suggest.ts";
import type { CliContext, Invocation } from "../../command.ts";
import type { Connection } from "../../connect.ts";
import { formatTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, withoutSeconds } from "../../text.ts";
import { localName, type PeopleActions, peopleCommand } from "./people_command.ts";
import { readPermissions } from "./roles_command.ts";

/** Whoever asks. */
const ME = "me";

const ACTIONS: PeopleActions = {
  async list({ people, invocation, terminal, isJson }) {
    showList(await people.tokens.list(invocation.text("user")), isJson, terminal);
  },
  async create({ people, connection, invocation, context, terminal, isJson, need }) {
    const [name = ""] = need("a NAME for it");
    const [user, role, expires] = ["user", "role", "expires"].map((option) => invocation.text(option));
    const request = {
      name,
      ...(expires === undefined ? {} : { expires_in: expires }),
      ...readScopes(invocation),
    };
    if (user === ME && role !== undefined) {
      throw new AppError("invalid", "--user me and --role do not go together: a token may what its user may");
    }
    const created = user === ME ? await createOwn(connection, context, request) : await people.tokens.create({
      ...request,
      ...(user === undefined ? {} : { user }),
      ...(role === undefined ? {} : { role }),
    }, localName());
    if (isJson) return terminal.out(JSON.stringify(created));
    const whose = created.user === created.name ? "" : ` for ${created.user}`;
    const what = created.role === null ? "" : ` (${created.role})`;
    terminal.note(`The token ${created.name}${whose}${what}, shown this once:`);
    terminal.out(created.token);
  },
  async revoke({ people, terminal, isJson, need }) {
    const [idOrName = ""] = need("the ID of it");
    const { id } = await findToken(people, idOrName);
    await people.tokens.revoke(id);
    terminal.out(isJson ? JSON.stringify({ id }) : `Revoked ${idOrName}`);
  },
  async rotate({ people, invocation, terminal, isJson, need }) {
    const [idOrName = ""] = need("the ID of it");
    const overlap = invocation.text("overlap");
    const { id } = await findToken(people, idOrName);
    const rotated = await people.tokens.rotate(id, overlap === undefined ? {} : { overlap });
    if (isJson) return terminal.out(JSON.stringify(rotated));
    const former = overlap === undefined
      ? "The former one is good no more"
      : `The former one is good for ${overlap}`;
    terminal.note(`${former}. The token ${rotated.name} from now on, shown this once:`);
    terminal.out(rotated.token);
  },
};

/** `sluice tokens [list | create NAME | revoke ID | rotate ID]`. */
export const tokens = peopleCommand(ACTIONS);

/** A token of whoever's SLUICE_TOKEN is: the server knows them by it. Throws invalid where there is none, or no server. */
async function createOwn(connection: Connection, { env }: Pick<CliContext, "env">, json: OwnTokenRequest) {
  if (connection.kind === "local") {
    throw new AppError("invalid", "--user me asks a server who you are, and none is running: name the user");
  }
  const token = env("SLUICE_TOKEN");
  if (!token) {
    throw new AppError(
      "invalid",
      "--user me needs a token of yours in SLUICE_TOKEN: a command on the server's machine is nobody by itself",
    );
  }
  const { createOwnToken } = await import("../../client/remote_account.ts");
  return await createOwnToken(connection.withToken(token), json);
}

/** By id, or by a name that only one has. Throws not_found and conflict. */
async function findToken(people: People, idOrName: string): Promise<TokenView> {
  const known = await people.tokens.list();
  const named = known.filter((token) => token.name === idOrName);
  const found = known.find((token) => token.id === idOrName) ?? named[0];
  if (found === undefined) {
    const meant = didYouMean(idOrName, known.map((token) => token.name));
    throw new AppError("not_found", `There is no token with the id or name "${idOrName}"${meant}`);
  }
  if (named.length > 1 && found.id !== idOrName) {
    const whose = named.map(({ id, user }) => `${id} of ${user}`).join(", ");
    throw new AppError("conflict", `Several tokens are named "${idOrName}": say the id, ${whose}`);
  }
  return found;
}

function readScopes(invocation: Invocation) {
  const [permissions, pipelines] = [invocation.list("permission"), invocation.list("pipeline")];
  if (permissions.length === 0 && pipelines.length === 0) return {};
  return {
    scopes: {
      ...(permissions.length === 0 ? {} : { permissions: readPermissions(permissions) }),
      ...(pipelines.length === 0 ? {} : { pipelines: [...pipelines] }),
    },
  };
}

function showList(list: readonly TokenView[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(list));
  terminal.out(formatTable(
    [
      { title: "ID" },
      { title: "NAME", minWidth: 12 },
      { title: "USER", minWidth: 8 },
      { title: "ROLE" },
      { title: "EXPIRES (UTC)", short: withoutSeconds, mayGo: true },
      { title: "CREATED (UTC)", short: withoutSeconds, mayGo: true },
      { title: "LAST USED (UTC)", short: withoutSeconds },
    ],
    list.map((token) => [
      token.id,
      token.name,
      token.user,
      token.role ?? "by grants",
      formatTime(token.expires_at),
      formatTime(token.created_at),
      formatTime(token.last_used_at),
    ]),
    terminal.tableColumns(),
  ));
}
