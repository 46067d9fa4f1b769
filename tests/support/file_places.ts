import * as v from "valibot";
import { S3Bucket, s3Url } from "./s3_bucket.ts";
import { SftpFolder } from "./sftp_folder.ts";
import type { WorkerProject } from "./worker_process.ts";
import { CuttingRelay } from "./cutting_relay.ts";

/** Where files are, as the campaign puts them there and reads them back: never by what is being tested. */

export interface FilePlace extends AsyncDisposable {
  readonly connector: WorkerProject["connectors"][string];
  readonly isLocal?: boolean;
  readonly relay?: CuttingRelay;
  put(path: string, bytes: Uint8Array): Promise<void>;
  /** Undefined where there is no such file. */
  get(path: string): Promise<Uint8Array | undefined>;
  /** Of the files that readers see in the folder, relative to it. */
  list(folder: string): Promise<readonly string[]>;
}

/** What says which files a folder has, where several cannot be changed in one step. */
const MANIFEST = ".sluice";
const manifestSchema = v.object({ files: v.array(v.string()) });

async function listed(place: Pick<FilePlace, "get">, folder: string): Promise<readonly string[]> {
  const manifest = await place.get(`${folder}/${MANIFEST}`);
  return manifest === undefined
    ? []
    : v.parse(manifestSchema, JSON.parse(new TextDecoder().decode(manifest))).files;
}

export function onDisk(folder: string): FilePlace {
  return {
    connector: { type: "file", root: folder },
    isLocal: true,
    async put(path, bytes) {
      await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(`${folder}/${path}`, bytes);
    },
    get: (path) => readFile(`${folder}/${path}`),
    list: (inside) => walk(`${folder}/${inside}`),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export async function inS3(): Promise<FilePlace> {
  const bucket = await S3Bucket.create();
  const { relay, url } = CuttingRelay.before(s3Url());
  const get = async (path: string) => {
    try {
      return await bucket.bytes(path);
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchKey") return undefined;
      throw error;
    }
  };
  return {
    connector: { ...bucket.config({ endpoint: url }), type: "s3" },
    relay,
    put: (path, bytes) => bucket.put(path, bytes),
    get,
    list: (folder) => listed({ get }, folder),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await bucket[Symbol.asyncDispose]();
    },
  };
}

export async function overSftp(): Promise<FilePlace> {
  const folder = await SftpFolder.create();
  const { host: hostname, port } = folder.server;
  const relay = new CuttingRelay({ hostname, port });
  const get = (path: string) => readFile(`${folder.path}/${path}`);
  return {
    connector: { ...folder.config({ host: "127.0.0.1", port: relay.port }), type: "sftp" },
    relay,
    put: (path, bytes) => Deno.writeFile(`${folder.path}/${path}`, bytes),
    get,
    list: (inside) => listed({ get }, inside),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function readFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Files that are not hidden, under a folder that need not be there. */
async function walk(folder: string, inside = ""): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}/${inside}`)) {
      if (name.startsWith(".")) continue;
      if (isDirectory) found.push(...await walk(folder, `${inside}${name}/`));
      else found.push(`${inside}${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}
