import { localActor } from "../../../../contract/audit/actor.ts";
import { AppError } from "../../../../contract/errors.ts";
import { formatBytes } from "../../../../text/format.ts";
import { dataFolderExists } from "../../../data_folder.ts";
import type { CommandRun } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { readDuration, readFolders } from "../../settings.ts";
import { formatTable } from "../../table.ts";

/** `sluice warehouse [ACTION] [PIPELINE]`: in this process, beside a server that goes on. */
export const warehouse: CommandRun = async (invocation, context) => {
  const [action = "list", pipeline] = invocation.arguments;
  const { terminal, backend } = context;
  const folders = readFolders(invocation, context);
  const waitMs = readDuration(invocation, "wait", "10m");
  if (action !== "list" && action !== "encrypt" && action !== "decrypt") {
    throw new AppError("invalid", `sluice warehouse ${action}: expected list, encrypt or decrypt`);
  }
  if ((action === "list") !== (pipeline === undefined)) {
    throw new AppError(
      "invalid",
      action === "list"
        ? "sluice warehouse list takes no pipeline"
        : `sluice warehouse ${action} needs a pipeline`,
    );
  }
  if (!await dataFolderExists(folders.dataDir)) {
    throw new AppError("invalid", `${folders.dataDir} is no data folder: there is no warehouse yet`);
  }
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() =>
    stop.abort(new AppError("cancelled", `Stopped: the warehouse is as it was`))
  );
  // No run is started by it: the folder may be a server's.
  await using opened = await backend.openEngine({
    ...folders,
    maxRuns: 1,
    log: createCommandLog(terminal),
    leaveOldStore: true,
  });
  const { warehouses } = opened.engine;
  if (pipeline === undefined) {
    const all = await warehouses.list();
    if (invocation.flag("json")) terminal.out(JSON.stringify(all));
    else {
      const rows = all.map(({ pipeline, encrypted, bytes }) => [
        pipeline,
        encrypted ? "encrypted" : "plain",
        formatBytes(bytes),
      ]);
      terminal.out(
        formatTable(
          [{ title: "PIPELINE" }, { title: "FILE" }, { title: "SIZE", align: "right" }],
          rows,
          terminal.tableColumns(),
        ),
      );
    }
    return 0;
  }
  const change = await warehouses.convert({
    pipeline,
    action: action === "encrypt" ? "encrypt" : "decrypt",
    actor: localActor(),
    waitMs,
    onWait: (pipeline) => terminal.note(`Waiting for a run of ${pipeline} to end`),
  }, stop.signal);
  if (invocation.flag("json")) terminal.out(JSON.stringify(change));
  else {
    const state = action === "encrypt" ? "encrypted" : "plain";
    const { compared, bytes } = change;
    terminal.out(
      compared === null
        ? `The warehouse of ${pipeline} is ${state} already`
        : `The warehouse of ${pipeline} is ${state} now (${formatBytes(bytes)}): ` +
          `${compared.tables} tables with ${compared.rows} rows were compared`,
    );
    if (compared !== null && action === "encrypt") {
      terminal.note(
        "The plain file was removed, and not written over: its blocks stay on the disk until they are used again",
      );
    }
  }
  return 0;
};
