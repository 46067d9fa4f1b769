import { AppError } from "../../../contract/errors.ts";
import type { StreamSchema } from "../../../contract/stream_schema.ts";
import type { CliContext, CommandRun, Invocation } from "../command.ts";
import { connect, requireProject } from "../connect.ts";
import { writeProjectSchemas } from "../project_schemas.ts";
import { readFolders } from "../settings.ts";
import { formatTable } from "../table.ts";
import { formatTime } from "../text.ts";

/**
 * `sluice schema`: the JSON Schemas of this version in the project's `schema/`, for editors. `sluice schema
 * PIPELINE STREAM`: how the columns of a stream's table have changed.
 */
export const schema: CommandRun = async (invocation, context) => {
  const [pipeline, stream] = invocation.arguments;
  if (pipeline !== undefined) return await showHistory(pipeline, stream, invocation, context);
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const written = await writeProjectSchemas(folders.projectDir, await context.backend.projectSchemas());
  for (const path of written) context.terminal.out(`wrote ${path}`);
  return 0;
};

async function showHistory(
  pipeline: string,
  stream: string | undefined,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  if (stream === undefined) {
    throw new AppError("invalid", "sluice schema takes nothing, or a pipeline and a stream: PIPELINE STREAM");
  }
  const folders = readFolders(invocation, context);
  await using connection = await connect(folders, context, invocation.command, "read");
  const found = await connection.engine.getStreamSchema(pipeline, stream);
  const { terminal } = context;
  if (invocation.flag("json")) terminal.out(JSON.stringify(found));
  else if (found.versions.length === 0) terminal.note(`Stream "${found.stream}" has not been read yet`);
  else terminal.out(formatSchema(found, terminal.tableColumns()));
  return 0;
}

function formatSchema({ versions }: StreamSchema, width: number | undefined): string {
  const [newest] = versions;
  const columns = (newest?.columns ?? []).map(({ name, type }) => [
    name,
    type,
    newest?.missing.includes(name) ? "not in the source any more" : "",
  ]);
  const changes = versions.flatMap(({ changed_at, run, changes }) =>
    changes.map(({ message }) => [formatTime(changed_at), run.slice(-8), message])
  );
  const parts = [
    formatTable(
      [{ title: "COLUMN", minWidth: 16 }, { title: "TYPE", minWidth: 8 }, { title: "" }],
      columns,
      width,
    ),
    ...changes.length === 0 ? [] : [
      formatTable(
        [{ title: "CHANGED (UTC)" }, { title: "RUN" }, { title: "WHAT", minWidth: 24 }],
        changes,
        width,
      ),
    ],
  ];
  return parts.join("\n\n");
}
