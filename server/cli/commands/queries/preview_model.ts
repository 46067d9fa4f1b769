import { AppError } from "../../../../contract/errors.ts";
import { DEFAULT_ROWS, MAX_ROWS } from "../../../../contract/queries/rows.ts";
import type { ModelPreview } from "../../../../contract/queries/preview.ts";
import type { PreviewRequest } from "../../../../engine/control/queries/port.ts";
import { formatCount, formatPlural } from "../../../../text/format.ts";
import { listWords } from "../../../../text/suggest.ts";
import type { CliContext, Invocation } from "../../command.ts";
import { connect, type Connection } from "../../connect.ts";
import { cellsOf, formatRows, readRowFormat } from "../../rows/row_formats.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { formatTime, oneLine } from "../../text.ts";
import { readParams, readWindow } from "../run_command.ts";

/** `sluice preview PIPELINE.MODEL`: the rows that the model's SQL in the project makes of the tables of the last run. */
export async function previewModel(
  pipeline: string,
  model: string,
  invocation: Invocation,
  context: CliContext,
): Promise<number> {
  const { terminal } = context;
  const isJson = invocation.flag("json");
  const written = invocation.text("format");
  if (isJson && written !== undefined) {
    throw new AppError("invalid", "--json and --format do not go together");
  }
  const format = readRowFormat(written ?? "table");
  const folders = readFolders(invocation, context);
  const request: PreviewRequest = {
    pipeline,
    model,
    project: { folder: folders.projectDir },
    limit: readInteger(invocation, "limit", { minimum: 1, maximum: MAX_ROWS, fallback: DEFAULT_ROWS }),
    cells: isJson ? "text" : cellsOf(format),
    params: readParams(invocation.list("param")),
    ...readWindow(invocation),
  };
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped: nothing was changed")),
    { withHangup: true },
  );
  await using connection = await connect(folders, context, invocation.command, "read", stopping);
  const preview = await previewRows(connection, request, stopping.signal, context);
  if (isJson) {
    terminal.out(JSON.stringify(preview));
    return 0;
  }
  terminal.out(formatRows(format, preview, terminal));
  terminal.note(previewNote(preview));
  return 0;
}

/** With the project's SQL; by who may look at rows, but not change the pipeline, with that in force. */
export async function previewRows(
  { engine, kind }: Connection,
  request: PreviewRequest,
  signal: AbortSignal,
  { terminal }: Pick<CliContext, "terminal">,
): Promise<ModelPreview> {
  try {
    return await engine.queries.preview(request, signal);
  } catch (error) {
    if (kind === "local" || !(error instanceof AppError) || error.code !== "forbidden") throw error;
    const { project: _project, ...inForce } = request;
    const preview = await engine.queries.preview(inForce, signal);
    terminal.note(
      `You may not change ${request.pipeline}: this is by its SQL in force, not by that in the project`,
    );
    return preview;
  }
}

/** How many rows these are, of when, and what was built for them. */
export function previewNote({ rows, truncated, built, as_of }: ModelPreview): string {
  const count = truncated === null
    ? formatPlural(rows.length, "row")
    : `the first ${formatCount(rows.length)} rows${
      truncated === "size" ? ", more are too large" : "; --limit N for more"
    }`;
  const time = as_of === null ? "nothing was read yet" : `the tables are of ${formatTime(as_of)} UTC`;
  const made = built.length === 0 ? "" : `; built in a copy for it: ${listWords(built.map(oneLine))}`;
  return `${count}; ${time}${made}`;
}
