import { resolve } from "node:path";
import { environmentOf } from "../../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../../contract/errors.ts";
import { MAX_SQL_CHARS } from "../../../../contract/queries/query.ts";
import { DEFAULT_ROWS, MAX_ROWS } from "../../../../contract/queries/rows.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { ENVIRONMENT } from "../../environment_option.ts";
import { readRowFormat } from "../../rows/row_formats.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { askQuery, type QuerySettings } from "./ask_query.ts";
import { splitStatements } from "./statements.ts";

const DONE = 0;
const FAILED = 1;

/**
 * `sluice query [PIPELINE] [SQL]`: asks copies of warehouses; the SQL is an argument, a file, stdin, or typed at a prompt. Exit
 * code 1 where a query fails: those behind it are not asked.
 */
export const query: CommandRun = async (invocation, context) => {
  const { pipeline, sql } = await wantedOf(invocation, context);
  const format = formatOf(invocation);
  const limit = readInteger(invocation, "limit", { minimum: 1, maximum: MAX_ROWS, fallback: DEFAULT_ROWS });
  const settingsFor = async (engine: Pick<Engine, "pipelineNames">): Promise<QuerySettings> => ({
    pipeline: pipeline ?? await onlyPipeline(engine, invocation.text(ENVIRONMENT)),
    limit,
    format,
  });
  const folders = readFolders(invocation, context);
  if (sql === undefined) {
    await using connection = await connect(folders, context, invocation.command, "read", {
      staysBeside: true,
    });
    const { runPrompt } = await import("./prompt.ts");
    return await runPrompt(connection.engine, await settingsFor(connection.engine), context);
  }
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped")),
    { withHangup: true },
  );
  await using connection = await connect(folders, context, invocation.command, "read", stopping);
  const signal = AbortSignal.any([stopping.signal, context.terminal.closed]);
  const settings = await settingsFor(connection.engine);
  for (const statement of splitStatements(sql)) {
    if (!await askQuery(connection.engine.queries, statement.sql, settings, context.terminal, signal)) {
      return FAILED;
    }
  }
  return DONE;
};

/** Where there is one alone, its tables are meant. */
async function onlyPipeline(
  engine: Pick<Engine, "pipelineNames">,
  environment: string | undefined,
): Promise<string | undefined> {
  const names = (await engine.pipelineNames()).filter((name) =>
    environmentOf(name) === (environment ?? null)
  );
  return names.length === 1 ? names[0] : undefined;
}

interface Wanted {
  readonly pipeline: string | undefined;
  /** Undefined for a prompt. */
  readonly sql: string | undefined;
}

/** One argument alone is a pipeline where it could be the name of one. */
async function wantedOf(invocation: Invocation, context: CliContext): Promise<Wanted> {
  const [first, second] = invocation.arguments;
  const isName = first !== undefined && /^[\p{L}\p{N}_.-]+$/u.test(first);
  const pipeline = first !== undefined && (second !== undefined || isName) ? first : undefined;
  const given = second ?? (pipeline === undefined ? first : undefined);
  const file = invocation.text("file");
  if (file !== undefined && given !== undefined) {
    throw new AppError("invalid", "--file and an argument with SQL do not go together");
  }
  if (given !== undefined) return { pipeline, sql: requireSql(given) };
  if (file !== undefined && file !== "-") {
    return { pipeline, sql: requireSql(await readSql(resolve(context.cwd, file))) };
  }
  if (file === undefined && Deno.stdin.isTerminal()) return { pipeline, sql: undefined };
  return { pipeline, sql: requireSql(await new Response(Deno.stdin.readable).text()) };
}

function requireSql(sql: string): string {
  const statements = splitStatements(sql);
  if (statements.length === 0) throw new AppError("invalid", "There is no SQL to ask: expected a SELECT");
  if (statements.every((statement) => statement.sql.length <= MAX_SQL_CHARS)) return sql;
  throw new AppError("invalid", `A query has ${MAX_SQL_CHARS.toLocaleString("en")} characters at most`);
}

async function readSql(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read ${path}: ${reason}`, { cause: error });
  }
}

function formatOf(invocation: Invocation): QuerySettings["format"] {
  const format = invocation.text("format");
  if (!invocation.flag("json")) return readRowFormat(format ?? "table");
  if (format !== undefined) throw new AppError("invalid", "--json and --format do not go together");
  return "result";
}
