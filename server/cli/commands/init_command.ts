import { join, relative, resolve } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { commandText, shellWord } from "../command_text.ts";
import type { CommandRun } from "../command.ts";
import { schemaLine, writeProjectSchemas } from "../project_schemas.ts";

/**
 * `sluice init DIR`: the starter project in a new folder, or in one that has nothing of a project yet; files
 * that are there stay as they are. Throws `conflict` where there are others.
 */
export const init: CommandRun = async (invocation, context) => {
  const { program, terminal, cwd } = context;
  const dir = resolve(cwd, invocation.arguments[0] ?? ".");
  requirePrintable(dir);
  await createFolder(dir);
  const files = await copyTree(program.starterDir, dir);
  files.push(...await writeProjectSchemas(dir, await context.backend.projectSchemas()));
  const below = relative(cwd, dir) || ".";
  const shown = below.startsWith("..") ? dir : below;
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify({ project: dir, files: files.toSorted() }));
    return 0;
  }
  terminal.out(`Made a project in ${shown}:`);
  for (const file of files.toSorted()) terminal.out(`  ${file}`);
  const next = ["check", `run ${await firstPipeline(dir)}`, "serve"];
  // A task of the checkout is there and nowhere else: the project is named instead of gone to.
  const lines = program.isPacked
    ? [`cd ${shellWord(shown)}`, ...next.map((words) => commandText(words, context))]
    : next.map((words) => `${commandText(words, context)} --project ${shellWord(shown)}`);
  terminal.out(`\nNext:\n${lines.map((line) => `  ${line}`).join("\n")}`);
  return 0;
};

/** The folder's name stands in commands that people type. Throws `invalid`. */
function requirePrintable(dir: string): void {
  if (!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(dir)) return;
  throw new AppError(
    "invalid",
    `Cannot make a project in ${JSON.stringify(dir)}: the name has a line break or control character in it`,
  );
}

/** What a new repository has before there is anything in it. */
const BESIDE_A_PROJECT =
  /^(?:\.git.*|\.editorconfig|\.vscode|\.idea|\.DS_Store|(?:readme|licen[cs]e|notice)(?:\..*)?)$/i;

async function createFolder(dir: string): Promise<void> {
  try {
    await Deno.mkdir(dir, { recursive: true });
    for await (const entry of Deno.readDir(dir)) {
      if (BESIDE_A_PROJECT.test(entry.name)) continue;
      throw new AppError(
        "conflict",
        `Cannot make a project in ${dir}: it has "${entry.name}" in it, expected a folder with ` +
          "nothing but a README, a license or files of git",
      );
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot make a project in ${dir}: ${reason}`, { cause: error });
  }
}

/**
 * Copies what belongs to the project (no data, no secrets of a try-out) beside what is there, and returns the
 * copied files' paths.
 */
async function copyTree(from: string, to: string, inside = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(from, inside))) {
    const path = join(inside, entry.name);
    if (entry.name === ".sluice" || entry.name === "out") continue;
    if (entry.isDirectory) {
      await Deno.mkdir(join(to, path), { recursive: true });
      files.push(...await copyTree(from, to, path));
    } else {
      const content = withLine(schemaLine(path), await Deno.readFile(join(from, path)));
      if (await createFile(join(to, path), content)) files.push(path);
    }
  }
  return files;
}

function withLine(line: string | undefined, content: Uint8Array): Uint8Array {
  if (line === undefined) return content;
  return new Uint8Array([...new TextEncoder().encode(line), ...content]);
}

/** Written anew, so that the copy is writable whatever the original's mode; false where a file is there. */
async function createFile(path: string, content: Uint8Array): Promise<boolean> {
  try {
    await Deno.writeFile(path, content, { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

async function firstPipeline(dir: string): Promise<string> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(join(dir, "pipelines"))) {
    if (/\.ya?ml$/.test(entry.name)) names.push(entry.name.replace(/\.ya?ml$/, ""));
  }
  return names.toSorted()[0] ?? "PIPELINE";
}
