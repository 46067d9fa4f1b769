import { AppError } from "../../../../contract/errors.ts";
import { didYouMean, listWords } from "../../../../text/suggest.ts";
import { commandText } from "../../command_text.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { requireProject } from "../../connect.ts";
import { runScript } from "./run_script.ts";
import { writeNewScript, writeScriptTypes } from "./script_project.ts";
import { readFolders } from "../../settings.ts";

type Action = (file: string | undefined, invocation: Invocation, context: CliContext) => Promise<number>;

/**
 * `sluice script run FILE`: one script, in its sandbox. `types`: the types that scripts import, in the project. `new
 * NAME`: those, and a script to begin with.
 */
export const script: CommandRun = async (invocation, context) => {
  const [verb = "", file, ...rest] = invocation.arguments;
  const action = Object.hasOwn(ACTIONS, verb) ? ACTIONS[verb] : undefined;
  if (action === undefined || rest.length > 0) {
    const known = Object.keys(ACTIONS);
    throw new AppError("invalid", `sluice script takes ${listWords(known, "or")}${didYouMean(verb, known)}`);
  }
  return await action(file, invocation, context);
};

const ACTIONS: Readonly<Record<string, Action>> = {
  run: runScript,
  types: async (file, invocation, context) => {
    if (file !== undefined) throw new AppError("invalid", "sluice script types takes no file");
    await writeTypes(invocation, context);
    return 0;
  },
  new: async (name, invocation, context) => {
    const path = newScriptPath(name);
    const projectDir = await writeTypes(invocation, context);
    await writeNewScript(projectDir, path);
    context.terminal.out(`wrote ${path}`);
    context.terminal.note(
      `A stream reads it by "script: ${path}". ${
        commandText(`deno check ${path}`, context)
      } checks its types.`,
    );
    return 0;
  },
};

async function writeTypes(invocation: Invocation, context: CliContext): Promise<string> {
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const types = await Deno.readTextFile(context.program.scriptTypes);
  const { paths, advice } = await writeScriptTypes(folders.projectDir, types);
  for (const path of paths) context.terminal.out(`wrote ${path}`);
  if (advice !== undefined) context.terminal.note(advice);
  return folders.projectDir;
}

/** `orders` → `scripts/orders.ts` */
function newScriptPath(name: string | undefined): string {
  const short = name?.replace(/^scripts\//, "").replace(/\.ts$/, "");
  if (short !== undefined && /^\w[\w-]*$/.test(short)) return `scripts/${short}.ts`;
  throw new AppError("invalid", "sluice script new takes a name of letters, digits, _ and -, as orders");
}
