import { resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import type { LastResults } from "../../../../engine/control/docs/last_results.ts";
import { formatFault } from "../../../../text/fault.ts";
import { formatCount, formatPlural } from "../../../../text/format.ts";
import type { ProjectPlace } from "../../../backend.ts";
import { dataFolderExists } from "../../../data_folder.ts";
import { apiElsewhere } from "../../client/api_elsewhere.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { connect, requireProject } from "../../connect.ts";
import { writeSite } from "../../docs/write_site.ts";
import { readFolders } from "../../settings.ts";
import { printable } from "../../text.ts";

const DEFAULT_FOLDER = "site";
const DEFAULT_TITLE = "Data catalogue";

/**
 * `sluice docs`: what the project's files say, as static pages, with what its last runs have left where they are known. Exit
 * code 2 where something is wrong with the project: then nothing is written.
 */
export const docs: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  const { terminal, backend } = context;
  await requireProject(folders, context);
  const output = invocation.text("output");
  const folder = output === undefined
    ? resolve(folders.projectDir, DEFAULT_FOLDER)
    : resolve(context.cwd, output);
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped: the docs are as far as they were written")),
    { withHangup: true },
  );
  const { signal } = stopping;
  const { columnsOfStreams, withResults } = await import(
    "../../../../engine/control/docs/last_results.ts"
  );
  const results = await resultsOf(invocation, folders, context, signal);
  const described = await backend.describeProject({
    ...folders,
    title: invocation.text("title") ?? DEFAULT_TITLE,
    knownColumns: (pipeline) => Promise.resolve(columnsOfStreams(results.get(pipeline))),
    log: createCommandLog(terminal),
    signal,
  });
  const errors = described.faults.filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    if (invocation.flag("json")) terminal.out(JSON.stringify({ ok: false, faults: errors }));
    else for (const fault of errors) terminal.out(printable(formatFault(fault)));
    terminal.note(`No docs were written: the project has ${formatPlural(errors.length, "error")}`);
    return 2;
  }
  const known = withResults(described.docs, results);
  const { files, changed, removed } = await writeSite(folder, backend.renderDocs(known), signal);
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify({ ok: true, folder, files, changed, removed, faults: described.faults }));
    return 0;
  }
  const gone = removed === 0 ? "" : `, ${formatCount(removed)} removed`;
  terminal.out(`${folder}: ${formatPlural(files, "file")}, ${formatCount(changed)} changed${gone}`);
  return 0;
};

/** Nothing where there is neither a server nor a data folder. */
async function resultsOf(
  invocation: Invocation,
  folders: ProjectPlace,
  context: CliContext,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LastResults>> {
  const { readLastResults } = await import("../../../../engine/control/docs/last_results.ts");
  const url = invocation.text("url");
  if (url !== undefined && url !== "") {
    const { RemoteEngine } = await import("../../client/remote_engine.ts");
    const engine: Engine = new RemoteEngine(await apiElsewhere(url, context));
    return await readLastResults(engine, signal);
  }
  if (!await dataFolderExists(folders.dataDir)) return new Map();
  await using connection = await connect(folders, context, invocation.command, "read", { signal });
  return await readLastResults(connection.engine, signal);
}
