import { publishedModels } from "../../../contract/pipeline/publish.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { cursorText, isWholeFile, parseCursor, parseQuery } from "../../../contract/snapshots/query.ts";
import type { Snapshot } from "../../../contract/snapshots/snapshot.ts";
import { isSameName } from "../../../contract/sql.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { SnapshotReaders, type SnapshotReadersContext } from "../../runs/snapshots/snapshot_readers.ts";
import type { WarehouseKeys } from "../../runs/warehouses/warehouse_keys.ts";
import {
  findSnapshot,
  modelSnapshots,
  pipelineSnapshots,
  snapshotFile,
} from "../../snapshots/snapshot_files.ts";
import type { Store } from "../../store/store.ts";
import { revisionInForce } from "../pipeline_record.ts";
import { Turns } from "../services/turns.ts";
import type { ByteRange, DataRows, PublishedData } from "./port.ts";

const AT_ONCE = 4;
const WAITING = 100;

export interface PublishedDataContext extends SnapshotReadersContext {
  readonly store: Store;
  readonly warehouseKeys: WarehouseKeys;
}

/** The published models of a data folder. Disposing of it ends the processes that read. */
export class LocalData implements PublishedData, AsyncDisposable {
  readonly #context: PublishedDataContext;
  readonly #readers: SnapshotReaders;
  readonly #turns = new Turns({
    atOnce: AT_ONCE,
    waiting: WAITING,
    refusal: `${AT_ONCE} requests are being read, and ${WAITING} more wait: try again in a moment`,
  });

  constructor(context: PublishedDataContext) {
    this.#context = context;
    this.#readers = new SnapshotReaders(context);
  }

  /** Names of folders that are in use, among those where runs spill. */
  get folders(): ReadonlySet<string> {
    return this.#readers.folders;
  }

  async list(pipeline: string): Promise<Snapshot[]> {
    const models = await this.#models(pipeline);
    const found = await Promise.all(models.map((model) => findSnapshot(this.#folder(pipeline, model))));
    return found.filter((snapshot) => snapshot !== undefined);
  }

  async find(pipeline: string, name: string, cursor?: string): Promise<Snapshot> {
    const models = await this.#models(pipeline);
    const model = models.find((one) => isSameName(one, name));
    if (model === undefined) {
      const meant = didYouMeanOneOf(name, models);
      throw new AppError("not_found", `Pipeline "${pipeline}" publishes no model ${quoteName(name)}${meant}`);
    }
    const id = cursor === undefined ? undefined : parseCursor(cursor).snapshot;
    const snapshot = await findSnapshot(this.#folder(pipeline, model), id);
    if (snapshot !== undefined) return snapshot;
    throw id === undefined
      ? new AppError("not_found", `"${pipeline}" has not published ${model} yet: run the pipeline`, {
        reason: "not_published",
      })
      : gone();
  }

  async read(
    snapshot: Snapshot,
    query: Parameters<PublishedData["read"]>[1],
    signal: AbortSignal,
    range?: ByteRange,
  ): Promise<DataRows> {
    const path = snapshotFile(this.#folder(snapshot.pipeline, snapshot.model), snapshot.id);
    if (isWholeFile(query) && !snapshot.encrypted) {
      const { start, end } = range ?? { start: 0, end: snapshot.size_bytes };
      const body = await openPart(path, start, end - start);
      return { snapshot, rows: snapshot.rows, sizeBytes: end - start, body };
    }
    const parsed = parseQuery(query, snapshot.columns);
    const key = snapshot.encrypted ? await this.#context.warehouseKeys.secret(snapshot.pipeline) : undefined;
    if (snapshot.encrypted && key === undefined) {
      throw new AppError(
        "invalid",
        `The snapshot of ${snapshot.model} is encrypted, and its key is not here`,
      );
    }
    const read = { query: parsed, columns: snapshot.columns, ...(key === undefined ? {} : { key }) };
    await using held = await this.#readers.hold(path);
    const file = await this.#turns.take(() => this.#readers.read(held.path, read, signal), { signal });
    try {
      const { size } = await Deno.stat(file.path);
      const body = await openPart(file.path, 0, size, file.remove);
      return {
        snapshot,
        rows: file.rows,
        sizeBytes: size,
        ...(file.next === null ? {} : { next: cursorText({ snapshot: snapshot.id, at: file.next }) }),
        body,
      };
    } catch (error) {
      await file.remove();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#readers[Symbol.asyncDispose]();
  }

  async #models(pipeline: string): Promise<string[]> {
    const found = await revisionInForce(this.#context.store, pipeline);
    return publishedModels(found?.revision.definition.publish).map(({ model }) => model);
  }

  #folder(pipeline: string, model: string): string {
    return modelSnapshots(pipelineSnapshots(this.#context.dataDir, pipeline), model);
  }
}

const CHUNK_BYTES = 64 * 1_024;

const gone = () =>
  new AppError("not_found", "The snapshot of the cursor is gone: begin again without it", {
    reason: "snapshot_gone",
  });

/**
 * So many bytes of a file, read as they are wanted. The file may be removed once it is open: `remove` is called then, and
 * again when all is read, for systems that cannot remove what is open.
 */
async function openPart(
  path: string,
  start: number,
  length: number,
  remove: () => Promise<void> = () => Promise.resolve(),
): Promise<ReadableStream<Uint8Array>> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw gone();
    throw error;
  }
  if (start > 0) await file.seek(start, Deno.SeekMode.Start);
  await remove().catch(() => {});
  let left = length;
  const close = async () => {
    file.close();
    await remove().catch(() => {});
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, left));
      const read = left === 0 ? null : await file.read(buffer);
      if (read === null) {
        await close();
        if (left > 0) {
          return controller.error(new AppError("internal", "A file of a snapshot is shorter than it was"));
        }
        return controller.close();
      }
      left -= read;
      controller.enqueue(buffer.subarray(0, read));
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
