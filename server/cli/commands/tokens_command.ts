import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { systemClock } from "../../../contract/clock.ts";
import { type AccessStore, type Role, ROLES } from "../../../engine/store/ports/access.ts";
import { createToken } from "../../auth/token.ts";
import { type ApiClient, read } from "../client/api_client.ts";
import { segment } from "../client/paths.ts";
import type { CommandRun, Invocation } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import type { Terminal } from "../terminal.ts";
import { didYouMean } from "../../../text/suggest.ts";
import { formatTable } from "../table.ts";
import { formatTime, withoutSeconds } from "../text.ts";

/** What the command asks of the store, or of the server that holds it. */
interface Tokens {
  list(): Promise<TokenView[]>;
  create(name: string, role: Role): Promise<{ id: string; token: string }>;
  /** Throws not_found. */
  revoke(id: string): Promise<void>;
}

const tokenSchema = v.object({
  id: v.string(),
  name: v.string(),
  role: v.picklist(ROLES),
  created_at: v.string(),
  last_used_at: v.nullable(v.string()),
});
type TokenView = v.InferOutput<typeof tokenSchema>;

/** `sluice tokens [list | create NAME | revoke ID]`. */
export const tokens: CommandRun = async (invocation, context) => {
  const [action = "list", name] = invocation.arguments;
  const role = readRole(invocation);
  const subject = readSubject(action, name);
  const use = action === "list" ? "read" : "change";
  await using connection = await connect(readFolders(invocation, context), context, invocation.command, use);
  const store = connection.kind === "remote"
    ? remoteTokens(connection.api)
    : localTokens(connection.opened.store.access);
  const isJson = invocation.flag("json");
  if (action === "create") {
    showCreated(await store.create(subject, role), { name: subject, role, isJson }, context.terminal);
  } else if (action === "revoke") await revoke(store, subject, isJson, context.terminal);
  else showList(await store.list(), isJson, context.terminal);
  return 0;
};

const ACTIONS = ["list", "create", "revoke"];

/** The name or id that the action is about; empty for the list. */
function readSubject(action: string, name: string | undefined): string {
  if (!ACTIONS.includes(action)) {
    throw new AppError(
      "invalid",
      `sluice tokens ${action}: expected ${ACTIONS.join(", ")}${didYouMean(action, ACTIONS)}`,
    );
  }
  if (action === "list") return "";
  if (name === undefined || name.trim() === "") {
    throw new AppError(
      "invalid",
      `sluice tokens ${action} needs ${action === "create" ? "a NAME for it" : "the ID of it"}`,
    );
  }
  return name;
}

function readRole(invocation: Invocation): Role {
  const text = invocation.text("role") ?? "viewer";
  const role = ROLES.find((known) => known === text);
  if (role === undefined) {
    throw new AppError(
      "invalid",
      `--role is "${text}", expected one of ${ROLES.join(", ")}${didYouMean(text, ROLES)}`,
    );
  }
  return role;
}

function localTokens(access: AccessStore): Tokens {
  return {
    list: async () =>
      (await access.listTokens()).map(({ id, name, role, createdAtMs, lastUsedAtMs }) => ({
        id,
        name,
        role,
        created_at: new Date(createdAtMs).toISOString(),
        last_used_at: lastUsedAtMs === null ? null : new Date(lastUsedAtMs).toISOString(),
      })),
    async create(name, role) {
      const { token, record } = await createToken(access, systemClock, { name, role });
      return { id: record.id, token };
    },
    async revoke(id) {
      if (!await access.revokeToken(id)) {
        throw new AppError("not_found", `There is no token with the id "${id}"`);
      }
    },
  };
}

function remoteTokens({ routes: { tokens } }: ApiClient): Tokens {
  return {
    list: () => read(v.array(tokenSchema), tokens.$get()),
    create: (name, role) =>
      read(v.object({ id: v.string(), token: v.string() }), tokens.$post({ json: { name, role } })),
    async revoke(id) {
      await tokens[":id"].$delete({ param: { id: segment("token", id) } });
    },
  };
}

function showCreated(
  created: { id: string; token: string },
  { name, role, isJson }: { name: string; role: Role; isJson: boolean },
  terminal: Terminal,
): void {
  if (isJson) return terminal.out(JSON.stringify({ ...created, name, role }));
  terminal.note(`The token of ${name} (${role}), shown this once:`);
  terminal.out(created.token);
}

/** Throws not_found, with the name that was likely meant. */
async function revoke(store: Tokens, idOrName: string, isJson: boolean, terminal: Terminal): Promise<void> {
  const known = await store.list();
  const found = known.find((token) => token.id === idOrName) ??
    known.find((token) => token.name === idOrName);
  if (found === undefined) {
    const meant = didYouMean(idOrName, known.map((token) => token.name));
    throw new AppError("not_found", `There is no token with the id or name "${idOrName}"${meant}`);
  }
  await store.revoke(found.id);
  terminal.out(isJson ? JSON.stringify({ id: found.id }) : `Revoked ${idOrName}`);
}

function showList(list: readonly TokenView[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(list));
  terminal.out(formatTable(
    [
      { title: "ID" },
      { title: "NAME", minWidth: 12 },
      { title: "ROLE" },
      { title: "CREATED (UTC)", short: withoutSeconds, mayGo: true },
      { title: "LAST USED (UTC)", short: withoutSeconds },
    ],
    list.map((
      token,
    ) => [token.id, token.name, token.role, formatTime(token.created_at), formatTime(token.last_used_at)]),
    terminal.tableColumns(),
  ));
}
