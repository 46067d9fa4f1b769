import { resolve } from "node:path";
import { localActor } from "../../../../contract/audit/actor.ts";
import { AppError } from "../../../../contract/errors.ts";
import { MAX_SECRET_BYTES } from "../../../../contract/keys/views.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { readFolders } from "../../settings.ts";
import { formatTable } from "../../table.ts";
import { type SecretsActions, secretsCommand } from "./secrets_actions.ts";

const ACTIONS: SecretsActions = {
  async list({ secrets, terminal, isJson }) {
    const list = await secrets.list();
    if (isJson) return terminal.out(JSON.stringify(list));
    terminal.out(formatTable(
      [
        { title: "NAME", minWidth: 12 },
        { title: "CHANGED" },
        { title: "BY", minWidth: 8 },
        { title: "USED BY", minWidth: 12 },
      ],
      list.map((secret) => [
        secret.name,
        secret.changed_at,
        secret.changed_by ?? "–",
        secret.used_by.join(", ") || "nothing",
      ]),
      terminal.tableColumns(),
    ));
  },
  async set({ secrets, invocation, context, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a secret");
    const value = await readValue(invocation, context);
    const secret = await secrets.put(name, value, localActor());
    terminal.out(isJson ? JSON.stringify(secret) : `Set the secret ${secret.name}`);
  },
  async delete({ secrets, invocation, terminal, isJson, need }) {
    const [name = ""] = need("the NAME of a secret");
    await secrets.remove(name, { isForced: invocation.flag("force") }, localActor());
    terminal.out(isJson ? JSON.stringify({ name }) : `Deleted the secret ${name}`);
  },
};

const onStore = secretsCommand({ actions: ACTIONS, reading: ["list"], beside: ["check"] });

/** `sluice secrets [list | set | delete] NAME`, and `check`, which looks at what the project refers to. */
export const secrets: CommandRun = async (invocation, context) => {
  const { arguments: [action, ...more] } = invocation;
  if (action !== "check") return await onStore(invocation, context);
  if (more.length > 0) throw new AppError("invalid", "sluice secrets check takes no further arguments");
  return await check(invocation, context);
};

const CHECK_COLUMNS = [
  { title: "REFERENCE", minWidth: 24 },
  { title: "USED BY", minWidth: 12 },
  { title: "KEY" },
  { title: "STATE" },
  { title: "FROM", minWidth: 12 },
];

/** What each reference comes from, as this command's environment has it. No value is shown. */
async function check(invocation: Invocation, context: CliContext): Promise<number> {
  const { terminal } = context;
  const checks = await context.backend.checkReferences(readFolders(invocation, context));
  const failed = checks.filter(({ state }) => state === "failed");
  if (invocation.flag("json")) terminal.out(JSON.stringify(checks));
  else if (checks.length === 0) terminal.note("The project has no references");
  else {
    const rows = checks.map((one) => [one.reference, one.used_by, one.key, one.state, one.from ?? "–"]);
    terminal.out(formatTable(CHECK_COLUMNS, rows, terminal.tableColumns()));
    for (const { message } of failed) terminal.note(message ?? "");
  }
  return failed.length === 0 ? 0 : 1;
}

/** From a file, from stdin, or typed without being shown; a line break at its end is not part of it. */
async function readValue(
  invocation: Invocation,
  { cwd, secretInput: input }: CliContext,
): Promise<string> {
  const file = invocation.text("file");
  if (file !== undefined) return await readFile(resolve(cwd, file));
  if (invocation.flag("stdin")) return await input.readAll();
  if (!input.isTerminal) {
    throw new AppError("invalid", "There is no terminal to type a secret on: send it with --stdin or --file");
  }
  return await input.ask("Value, which is not shown: ");
}

async function readFile(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const { size } = await Deno.stat(path);
    // With the line break that is not part of it.
    if (size > MAX_SECRET_BYTES + 2) {
      throw new AppError("invalid", `Cannot read a secret from ${path}: it is larger than 64 KiB`);
    }
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new AppError("invalid", `Cannot read a secret from ${path}: ${reason}`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new AppError("invalid", `Cannot read a secret from ${path}: it is not text (UTF-8)`, { cause });
  }
}
