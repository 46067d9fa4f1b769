import { columnsOfStreams } from "../../../engine/control/docs/last_results.ts";
import type { KnownColumns, ProjectPlace } from "../../backend.ts";
import { dataFolderExists } from "../../data_folder.ts";
import type { CliContext } from "../command.ts";
import { connect } from "../connect.ts";

type Columns = Awaited<ReturnType<KnownColumns>>;

/** Who asks for one pipeline asks for the others in the same moment. */
const FRESH_MS = 2_000;

/** What runs have seen of streams, as the data folder has it now, or the server that holds it; nothing where there is none. */
export function knownColumnsIn(folders: ProjectPlace, context: CliContext, command: string): KnownColumns {
  let known: Promise<ReadonlyMap<string, Columns>> | undefined;
  let askedMs = -Infinity;
  return async (pipeline) => {
    if (known === undefined || performance.now() - askedMs > FRESH_MS) {
      askedMs = performance.now();
      known = readAll(folders, context, command);
    }
    return (await known).get(pipeline) ?? {};
  };
}

async function readAll(
  folders: ProjectPlace,
  context: CliContext,
  command: string,
): Promise<ReadonlyMap<string, Columns>> {
  if (!await dataFolderExists(folders.dataDir)) return new Map();
  await using connection = await connect(folders, context, command, "read");
  const { engine } = connection;
  const found = new Map<string, Columns>();
  for (const name of await engine.pipelineNames()) {
    found.set(name, columnsOfStreams({ tables: await engine.listTables(name) }));
  }
  return found;
}
