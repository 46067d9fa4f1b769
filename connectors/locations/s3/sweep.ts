import type { S3Store } from "./s3_store.ts";
import type { S3Writer } from "./s3_writer.ts";

/** What loads that died have left behind. One that is younger may belong to a load that is going on. */
export const OLD_MS = 24 * 60 * 60 * 1000;

interface Swept {
  readonly store: S3Store;
  readonly writer: S3Writer;
}

/** Ends old uploads of such keys. Where the store does not tell of them, or does not let them be ended, nothing happens. */
export async function sweepUploads(
  { store, writer }: Swept,
  prefix: string,
  isOurs: (key: string) => boolean,
): Promise<void> {
  const before = store.context.clock.now() - OLD_MS;
  try {
    for await (const { key, uploadId, beganMs } of writer.uploads(prefix)) {
      if (beganMs < before && isOurs(key)) await writer.abortUpload(key, uploadId);
    }
  } catch {
    store.context.signal.throwIfAborted();
  }
}

/** Removes old objects with such keys. */
export async function sweepOld(
  { store, writer }: Swept,
  prefix: string,
  isLeftOver: (key: string) => boolean,
): Promise<void> {
  const before = store.context.clock.now() - OLD_MS;
  for await (const { key, modifiedMs } of store.list(prefix, false)) {
    if (modifiedMs !== null && modifiedMs < before && isLeftOver(key)) await writer.remove(key);
  }
}
