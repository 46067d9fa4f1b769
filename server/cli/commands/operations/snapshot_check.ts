import { pinningRuns } from "../../../../engine/snapshots/pinned_snapshots.ts";
import { snapshotsUsage } from "../../../../engine/snapshots/snapshot_folders.ts";
import { formatBytes, formatPlural } from "../../../../text/format.ts";
import type { DoctorCheck } from "./doctor_check.ts";

/** How much the models that pipelines publish take, and what of it is about to go. */
export async function checkSnapshots(dataDir: string): Promise<DoctorCheck> {
  const { models, snapshots, bytes, unwanted } = await snapshotsUsage(dataDir);
  const pinning = (await pinningRuns(dataDir)).length;
  const parts = [
    `${formatPlural(snapshots, "snapshot")} of ${formatPlural(models, "model")}, ${formatBytes(bytes)}`,
    ...(unwanted === 0
      ? []
      : [`${formatPlural(unwanted, "model")} published no more, which go after 7 days`]),
    ...(pinning === 0 ? [] : [`pinned by ${formatPlural(pinning, "run")}`]),
  ];
  return { check: "snapshots", state: "ok", message: parts.join("; ") };
}
