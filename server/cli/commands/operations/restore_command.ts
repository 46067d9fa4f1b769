import { resolve } from "node:path";
import { AppError, toAppError } from "../../../../contract/errors.ts";
import { localActor } from "../../../../contract/audit/actor.ts";
import { readBackup, RESTORING, RESTORING_ARCHIVE } from "../../../../engine/control/backup/read_backup.ts";
import type { Manifest } from "../../../../engine/control/backup/manifest.ts";
import { MIGRATIONS } from "../../../../engine/store/migrations/list.ts";
import { openDataFolder, readHolder } from "../../../data_folder.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { heldError } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { needsKey } from "./needs_key.ts";
import { readIdentities } from "./backup_keys.ts";

/** What is in a data folder that nothing has been put into yet. */
const EMPTY: ReadonlySet<string> = new Set([
  "lock",
  "format.json",
  ".gitignore",
  ".gitkeep",
  ".DS_Store",
  "lost+found",
  RESTORING,
  RESTORING_ARCHIVE,
]);

/** `sluice restore FILE`: into an empty data folder that nobody holds. */
export const restore: CommandRun = async (invocation, context) => {
  const [name = ""] = invocation.arguments;
  const { dataDir } = readFolders(invocation, context);
  const path = resolve(context.cwd, name);
  const keys = await readIdentities(invocation, context);
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() =>
    stop.abort(new AppError("cancelled", "The restore was stopped"))
  );
  await using folder = await openDataFolder(dataDir, "restore");
  if (folder === undefined) throw heldError(dataDir, await readHolder(dataDir));
  await requireEmpty(dataDir);
  const schema = MIGRATIONS.at(-1)?.id ?? 0;
  const manifest = await readBackup(path, { dataDir, schema, signal: stop.signal, keys });
  await recordRestore(path, manifest, invocation, context);
  const encrypted = manifest.encrypted_warehouses ?? [];
  if (encrypted.length > 0) context.terminal.note(needsKey(encrypted));
  if (invocation.flag("json")) context.terminal.out(JSON.stringify({ path, ...manifest }));
  else {
    context.terminal.out(
      `Restored ${manifest.files.length} files of ${manifest.created_at} to ${dataDir} (sluice ${manifest.sluice})`,
    );
  }
  return 0;
};

/** In the audit log that came with it. One of an older version stays as it is until its server starts. */
async function recordRestore(
  path: string,
  { created_at, files }: Manifest,
  invocation: Invocation,
  context: CliContext,
): Promise<void> {
  try {
    await using opened = await context.backend.openEngine({
      ...readFolders(invocation, context),
      maxRuns: 1,
      log: createCommandLog(context.terminal),
      leaveOldStore: true,
    });
    await opened.audit.record({
      action: "backup.restore",
      actor: localActor(),
      target: { kind: "backup", name: path },
      details: { created_at, files: files.length },
    });
  } catch (error) {
    // All of it is there: that must not be taken for a failure.
    context.terminal.note(`The audit log has no line of the restore: ${toAppError(error).message}`);
  }
}

async function requireEmpty(dataDir: string): Promise<void> {
  for await (const { name } of Deno.readDir(dataDir)) {
    if (EMPTY.has(name)) continue;
    throw new AppError(
      "conflict",
      `Cannot restore to ${dataDir}: it has "${name}" in it; ` +
        "move what is there away, or give another folder with --data",
    );
  }
}
