import type { StoredFile } from "../../locations/location.ts";

/**
 * Nobody reads these files: none is brought to the local disk ahead of others, and what is there of them goes. Some servers
 * give a file only as a whole, before anything is known of it.
 */
export async function leaveOut(files: readonly StoredFile[]): Promise<void> {
  for (const { localCopy } of files) localCopy?.leaveOut();
  for (const { localCopy } of files) await localCopy?.remove();
}
