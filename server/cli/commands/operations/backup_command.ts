import { relative, resolve } from "node:path";
import { systemClock } from "../../../../contract/clock.ts";
import { AppError } from "../../../../contract/errors.ts";
import { localActor } from "../../../../contract/audit/actor.ts";
import { backupEncryption } from "../../../../engine/control/backup/encryption.ts";
import { writeBackup } from "../../../../engine/control/backup/write_backup.ts";
import { formatBytes } from "../../../../text/format.ts";
import { dataFolderExists } from "../../../data_folder.ts";
import type { CommandRun } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { readDuration, readFolders } from "../../settings.ts";
import { needsKey } from "./needs_key.ts";
import { readRecipients } from "./backup_keys.ts";

/** `sluice backup FILE`: in this process, beside a server that goes on. */
export const backup: CommandRun = async (invocation, context) => {
  const [name = ""] = invocation.arguments;
  const { terminal, backend, program, cwd } = context;
  const folders = readFolders(invocation, context);
  const waitMs = readDuration(invocation, "wait", "10m");
  if (!await dataFolderExists(folders.dataDir)) {
    throw new AppError("invalid", `Cannot back up ${folders.dataDir}: it is no data folder`);
  }
  const path = resolve(cwd, name);
  if (!relative(folders.dataDir, path).startsWith("..")) {
    throw new AppError(
      "invalid",
      `Cannot back up to ${path}: that is in the data folder; give another place`,
    );
  }
  const recipients = await readRecipients(invocation, context);
  const encrypt = recipients === undefined ? undefined : await backupEncryption(recipients);
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() =>
    stop.abort(new AppError("cancelled", "The backup was stopped"))
  );
  // No run is started by it: the folder may be a server's.
  await using opened = await backend.openEngine({
    ...folders,
    maxRuns: 1,
    log: createCommandLog(terminal),
    leaveOldStore: true,
  });
  const manifest = await writeBackup(path, {
    store: opened.store,
    dataDir: folders.dataDir,
    clock: systemClock,
    version: program.version,
    waitMs,
    signal: stop.signal,
    encrypt,
    leavesSnapshotsOut: invocation.flag("without-snapshots"),
    onWait: (pipeline) => terminal.note(`Waiting for a run of ${pipeline} to end`),
  });
  const { size } = await Deno.stat(path);
  if (manifest.encrypted_warehouses.length > 0) terminal.note(needsKey(manifest.encrypted_warehouses));
  const isEncrypted = encrypt !== undefined;
  await opened.audit.record({
    action: "backup.write",
    actor: localActor(),
    target: { kind: "backup", name: path },
    details: { files: manifest.files.length, bytes: size, encrypted: isEncrypted },
  });
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify({ path, bytes: size, encrypted: isEncrypted, ...manifest }));
  } else {
    const how = isEncrypted ? ", encrypted" : "";
    terminal.out(`Backed up ${manifest.files.length} files to ${path} (${formatBytes(size)}${how})`);
  }
  return 0;
};
