import type { S3Client } from "@aws-sdk/client-s3";
import { AppError } from "../../../contract/errors.ts";
import type {
  FileList,
  FileWriter,
  Location,
  Publication,
  PublicationTarget,
  StoredFile,
  WriteCondition,
} from "../location.ts";
import { FetchedFile, readInOrder } from "../remote/fetched_file.ts";
import { localNameOf, pathSqlOf } from "../remote/local_name.ts";
import { parseKeyPattern } from "./key_glob.ts";
import { listMatches } from "./listing.ts";
import { publishObject } from "./publish_object.ts";
import { publishPrefix } from "./publish_prefix.ts";
import { keyOfPath, pathOfKey, S3Object } from "./s3_object.ts";
import { type ObjectInfo, S3Store, type StoreContext } from "./s3_store.ts";
import { S3Writer } from "./s3_writer.ts";
import type { S3Settings } from "./settings.ts";
import { Stage } from "../remote/stage.ts";
import { Upload } from "./upload.ts";

export interface S3Place {
  readonly client: S3Client;
  readonly settings: S3Settings;
  /** What all keys begin with: empty, or with a slash at its end. */
  readonly prefix: string;
  /** Absolute: see ConnectorContext. */
  readonly scratchDir: string;
}

/** Files of one bucket. Their paths are their keys behind a slash, exactly as they are. */
export class S3Location implements Location {
  readonly #place: S3Place;
  readonly #context: StoreContext;
  readonly #localPrefix: string;

  constructor(place: S3Place, context: StoreContext) {
    this.#place = place;
    this.#context = context;
    this.#localPrefix = `${place.scratchDir}/${crypto.randomUUID()}`;
  }

  async list(
    pattern: string,
    signal: AbortSignal,
    accepts: (path: string) => boolean = () => true,
  ): Promise<FileList> {
    const store = this.#store(signal);
    const { key, glob } = parseKeyPattern(this.#place.prefix, pattern);
    const shown = store.shown(key);
    if (glob === undefined) {
      const found = await store.head(key);
      if (found === undefined || key.endsWith("/")) throw await this.#notThere(store, key);
      return { base: pathOfKey(key), files: [this.#file(store, found)] };
    }
    try {
      const found = await listMatches(store, glob, (match) => accepts(pathOfKey(match)), this.#place.prefix);
      // A key may have brackets of its own.
      const plain = found.length === 0 ? await store.head(key) : undefined;
      if (plain !== undefined) return { base: pathOfKey(key), files: [this.#file(store, plain)] };
      if (found.length === 0) throw new AppError("not_found", `Cannot read "${shown}": no file matches it`);
      const base = pathOfKey(glob.folder.replace(/\/$/, ""));
      const files = found.map((object) => this.#file(store, object));
      readInOrder(files);
      return { base, files };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "forbidden") throw error;
      throw new AppError(
        "forbidden",
        `${error.message} to list the files of "${shown}", or name a file by its exact key`,
        { cause: error },
      );
    }
  }

  /** Asks for a key that nobody has. Throws where the store does not answer, or does not take the sign-in. */
  async reach(): Promise<void> {
    try {
      await this.#store(this.#context.signal).head(`${this.#place.prefix}.sluice-${crypto.randomUUID()}`);
    } catch (error) {
      // Who may not list is not told that a key is missing.
      if (!(error instanceof AppError) || error.code !== "forbidden") throw error;
    }
  }

  async find(path: string): Promise<StoredFile | undefined> {
    const store = this.#store(this.#context.signal);
    const found = await store.head(keyOfPath(path));
    return found === undefined ? undefined : this.#file(store, found);
  }

  async write(path: string, condition: WriteCondition): Promise<FileWriter> {
    const store = this.#store(this.#context.signal);
    const key = keyOfPath(path);
    const stage = await Stage.open(this.#place.scratchDir, store.shown(key));
    const file = await stage.write("file");
    return {
      write: (bytes) => file.write(bytes),
      async commit() {
        await file.commit();
        const options = { key, path: `${stage.path}/file`, metadata: {} };
        await using upload = await Upload.begin(store, new S3Writer(store), options);
        await upload.complete(condition);
      },
      async [Symbol.asyncDispose]() {
        await file[Symbol.asyncDispose]();
        await stage[Symbol.asyncDispose]();
      },
    };
  }

  async remove(path: string): Promise<void> {
    await new S3Writer(this.#store(this.#context.signal)).remove(keyOfPath(path));
  }

  async publish(target: PublicationTarget, signal: AbortSignal): Promise<Publication> {
    const store = this.#store(signal);
    const context = {
      store,
      writer: new S3Writer(store),
      scratchDir: this.#place.scratchDir,
      file: (info: ObjectInfo) => this.#file(store, info),
    };
    return target.kind === "file"
      ? await publishObject(target, context)
      : await publishPrefix(target, context);
  }

  pathSql(localPath: string): string {
    return pathSqlOf(localPath, this.#localPrefix);
  }

  #store(signal: AbortSignal): S3Store {
    const { client, settings } = this.#place;
    return new S3Store(client, settings, { ...this.#context, signal });
  }

  #file(store: S3Store, info: ObjectInfo): FetchedFile {
    const object = new S3Object(store, info);
    return new FetchedFile(object, `${this.#localPrefix}${localNameOf(object.path)}`, store.context);
  }

  /** Why there is no file of this key, as far as the bucket tells. */
  async #notThere(store: S3Store, key: string): Promise<AppError> {
    const shown = store.shown(key);
    try {
      for await (const { key: found } of store.list(key.endsWith("/") ? key : `${key}/`, true)) {
        if (found === key) continue;
        const glob = `${key.slice(this.#place.prefix.length).replace(/\/$/, "")}/*.csv`;
        return new AppError(
          "invalid",
          `Cannot read "${shown}": it is a folder; name its files, as "${glob}"`,
        );
      }
    } catch (error) {
      // Without the right to list, a missing bucket is still told.
      if (error instanceof AppError && error.code !== "forbidden") return error;
    }
    return new AppError("not_found", `Cannot read "${shown}": there is no such file`);
  }
}
