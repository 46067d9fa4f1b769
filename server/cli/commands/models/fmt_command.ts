import { join, relative, resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { requireProject } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { printable } from "../../text.ts";

/** Folders of a project that SQL is in. */
const SQL_FOLDERS = ["transforms", "macros"];

interface Report {
  readonly formatted: string[];
  readonly unchanged: string[];
  /** Files that stay as they are, with the reason. */
  readonly kept: { readonly file: string; readonly reason: string }[];
}

/**
 * `sluice fmt [PATH…]`: formats the project's SQL. With `--check` and `--diff` nothing is written, and the exit code is 1 where
 * a file would be another one. `sluice fmt -` reads stdin and writes to stdout.
 */
export const fmt: CommandRun = async (invocation, context) => {
  const { terminal } = context;
  const folders = readFolders(invocation, context);
  const { projectDir } = folders;
  const hasDiff = invocation.flag("diff");
  const isCheck = invocation.flag("check") || hasDiff;
  if (hasDiff && invocation.flag("json")) {
    throw new AppError("invalid", "--diff and --json do not go together");
  }
  if (invocation.arguments.includes("-")) return await formatStdin(invocation, context, isCheck);
  await requireProject(folders, context);
  const paths = await filesOf(projectDir, invocation.arguments);
  const { replaceFile } = await import("../../../../engine/definitions/write_file.ts");
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(() =>
    stopping.abort(new AppError("cancelled", "Stopped before all was formatted"))
  );
  const texts = await Promise.all(paths.map((path) => readSql(path, relative(projectDir, path))));
  const log = createCommandLog(terminal);
  const outcomes = texts.length === 0
    ? []
    : await context.backend.formatTexts(folders, texts, log, stopping.signal);
  const report: Report = { formatted: [], unchanged: [], kept: [] };
  for (const [index, path] of paths.entries()) {
    const file = relative(projectDir, path);
    const [before = "", outcome] = [texts[index], outcomes[index]];
    if (outcome === undefined) throw new AppError("internal", `${file} was not formatted`);
    if ("kept" in outcome) report.kept.push({ file, reason: outcome.kept });
    else if (outcome.text === before) report.unchanged.push(file);
    else {
      report.formatted.push(file);
      if (!isCheck) await replaceFile(path, before, outcome.text);
      if (hasDiff) terminal.out(printable(await diffOf(file.replaceAll("\\", "/"), before, outcome.text)));
    }
  }
  if (invocation.flag("json")) terminal.out(JSON.stringify(report));
  else {
    for (const file of hasDiff ? [] : report.formatted) {
      terminal.out(printable(`${isCheck ? "would change" : "formatted"}  ${file}`));
    }
    for (const { file, reason } of report.kept) {
      terminal.note(printable(`${file}: stays as it is: ${reason}`));
    }
    terminal.note(
      `${formatPlural(paths.length, "file")}: ${report.formatted.length} ${
        isCheck ? "would change" : "formatted"
      }, ` +
        `${report.unchanged.length} already so, ${report.kept.length} left as they are`,
    );
  }
  return isCheck && report.formatted.length > 0 ? 1 : 0;
};

/** What is not formatted comes out as it came in: an editor puts it in the place of what it has. */
async function formatStdin(
  invocation: Invocation,
  context: CliContext,
  isCheck: boolean,
): Promise<number> {
  const { terminal, backend } = context;
  if (invocation.arguments.length > 1 || invocation.flag("json")) {
    throw new AppError("invalid", "fmt - reads stdin alone, and writes SQL");
  }
  let before: string;
  try {
    before = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(await new Response(Deno.stdin.readable).bytes());
  } catch (cause) {
    throw new AppError("invalid", "stdin cannot be read as UTF-8 text", { cause });
  }
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(() => stopping.abort(new AppError("cancelled", "Stopped")));
  const folders = readFolders(invocation, context);
  const [outcome] = await backend.formatTexts(
    folders,
    [before],
    createCommandLog(terminal),
    stopping.signal,
  );
  if (outcome === undefined) throw new AppError("internal", "stdin was not formatted");
  const after = "kept" in outcome ? before : outcome.text;
  if ("kept" in outcome) terminal.note(printable(`stdin: stays as it is: ${outcome.kept}`));
  if (invocation.flag("diff")) {
    if (after !== before) terminal.out(printable(await diffOf("stdin", before, after)));
  } else if (!isCheck) {
    // As a file has it: with the end of its last line, or without.
    await new Response(after).body?.pipeTo(Deno.stdout.writable, { preventClose: true });
  }
  return isCheck && after !== before ? 1 : 0;
}

async function diffOf(file: string, before: string, after: string): Promise<string> {
  const { unifiedDiff } = await import("../../../../text/unified_diff.ts");
  return unifiedDiff(file, before, after)?.trimEnd() ?? `${file}: too long to show what would change`;
}

/** The SQL files that the arguments name, or all of the project's. Throws not_found, and invalid for others. */
async function filesOf(projectDir: string, asked: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  if (asked.length === 0) {
    for (const folder of SQL_FOLDERS) {
      for (const path of await sqlBelow(join(projectDir, folder))) found.add(path);
    }
  }
  for (const name of asked) {
    const path = await firstThatIs(resolve(name), resolve(projectDir, name));
    if (path === undefined) throw new AppError("not_found", `There is no file or folder ${name}`);
    if ((await Deno.stat(path)).isDirectory) { for (const one of await sqlBelow(path)) found.add(one); }
    else if (path.endsWith(".sql")) found.add(path);
    else throw new AppError("invalid", `${name} is no SQL file: fmt formats files that end in .sql`);
  }
  return [...found].sort();
}

async function firstThatIs(...paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await Deno.lstat(path).then(() => true, () => false)) return path;
  return undefined;
}

/** Links are not followed: they may lead anywhere. */
async function sqlBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      if (name.startsWith(".")) continue;
      if (isDirectory) found.push(...await sqlBelow(join(folder, name)));
      else if (isFile && name.endsWith(".sql")) found.push(join(folder, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

async function readSql(path: string, file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await Deno.readFile(path));
  } catch (cause) {
    throw new AppError("invalid", `${file} cannot be read as UTF-8 text`, { cause });
  }
}
