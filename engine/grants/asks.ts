import { lookup } from "node:dns/promises";
import { isAbsolute, resolve } from "node:path";
import { DiskLocation } from "../../connectors/locations/disk/disk_location.ts";
import { parsePattern } from "../../connectors/locations/pattern.ts";
import { isHidden } from "../../connectors/locations/hidden.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import type { Access, PlainLine, TableUse, WrittenScriptLimits } from "../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import { type Fence, reservedWithin } from "./fence.ts";
import { needsAddresses, parseAddress, splitPort } from "./host_rules.ts";
import { isInside, realPathOf } from "./real_path.ts";

/** Who asks: for messages. */
export interface Asker {
  readonly connector: string;
  /** `stream "orders"`, `load of "daily"`. */
  readonly use: string;
  /** Where the pipeline's definition says it. */
  readonly place: DocumentPath;
}

/** A sign-in over a line that others could read. */
export interface PlainAsk extends Asker, PlainLine {}

export interface HostAsk extends Asker {
  readonly host: string;
  /** Those that the name has, where a rule of the policy needs them. */
  readonly addresses: readonly string[];
  /** Connected to by the server, to no private address but those of the policy. */
  readonly isGuarded: boolean;
}

export interface PathAsk extends Asker {
  readonly path: string;
  /** The path with links followed. */
  readonly real: string;
  readonly action: "read" | "write";
  /** What it is for; DuckDB gets to `source` and `target` alone, and `listing` is a folder that is only looked through. */
  readonly purpose: "own" | "config" | "socket" | "listing" | "source" | "target";
  /** Whether everything in it is asked for. */
  readonly isFolder: boolean;
  /** Of a source: whether its glob takes a file, which need not be there. */
  readonly matches?: (path: string) => boolean;
}

/** The path of a database's file is with links followed. */
export interface TableAsk extends Asker, TableUse {}

/** A program that is to be started; both paths are absolute. */
export interface CommandAsk extends Asker {
  readonly path: string;
  /** The path with links followed. */
  readonly real: string;
}

/** A script that is to be run. */
export interface ScriptAsk extends Asker {
  /** Whether checks and discoveries run it too. */
  readonly isInCheck: boolean;
  /** What it asks for in so many words. */
  readonly limits: WrittenScriptLimits;
}

export interface Asks {
  readonly hosts: readonly HostAsk[];
  readonly paths: readonly PathAsk[];
  readonly tables: readonly TableAsk[];
  /** None where it is left out. */
  readonly plain?: readonly PlainAsk[];
  /** None where it is left out. */
  readonly commands?: readonly CommandAsk[];
  /** Who wants to run scripts; nobody where it is left out. */
  readonly scripts?: readonly ScriptAsk[];
  /** Whose scripts are in Python; nobody's where it is left out. */
  readonly python?: readonly Asker[];
  /** Variables of the server's own environment; none where it is left out. */
  readonly environment?: readonly string[];
}

/**
 * What a use of a connector asks for, as it is on the disk and in the name service now. Throws
 * `forbidden` for a path that cannot be looked at, `unavailable` for a name that has no address.
 */
export async function collectAsks(fence: Fence, asker: Asker, access: Access): Promise<Asks> {
  const paths: PathAsk[] = [];
  const ask = async (path: string, action: PathAsk["action"], purpose: PathAsk["purpose"]) => {
    const real = await lookAt(asker, path);
    paths.push({ ...asker, path, real, action, purpose, isFolder: await isFolder(real) });
  };
  const askForFolder = async (path: string) => {
    const real = await lookAt(asker, path);
    paths.push({ ...asker, path, real, action: "write", purpose: "target", isFolder: true });
  };
  for (const path of access.read) await ask(path, "read", "own");
  for (const path of access.write) await ask(path, "write", "own");
  for (const path of access.targets ?? []) {
    await (path.endsWith("/") ? askForFolder(path.slice(0, -1)) : ask(path, "write", "target"));
  }
  for (const path of access.config ?? []) await ask(path, "read", "config");
  for (const host of access.hosts) {
    if (host.startsWith("unix:")) await ask(host.slice("unix:".length), "write", "socket");
  }
  for (const pattern of access.sources ?? []) paths.push(...await askForSource(fence, asker, pattern));
  const askForHost = async (host: string, isGuarded: boolean): Promise<HostAsk> => {
    const { host: name } = splitPort(host);
    const isLiteral = isGuarded && parseAddress(name) !== undefined;
    const addresses = isLiteral ? [name] : await addressesOf(fence, asker, host);
    return { ...asker, host, addresses, isGuarded };
  };
  const hosts = await Promise.all([
    ...access.hosts.map((host) => askForHost(host, false)),
    ...(access.guardedHosts ?? []).map((host) => askForHost(host, true)),
  ]);
  const tables = await Promise.all((access.tables ?? []).map(async (table) => ({
    ...asker,
    ...table,
    database: isAbsolute(table.database) ? await lookAt(asker, table.database) : table.database,
  })));
  const commands = await Promise.all((access.commands ?? []).map(async (path): Promise<CommandAsk> => ({
    ...asker,
    path,
    real: await lookAt(asker, path),
  })));
  const isInCheck = access.scriptsInCheck === true;
  const scripts = access.startsScripts === true
    ? [{ ...asker, isInCheck, limits: access.scriptLimits ?? { hosts: [] } }]
    : [];
  const python = access.startsPython === true ? [asker] : [];
  const { environment = [] } = access;
  const plain = (access.plain ?? []).map((line): PlainAsk => ({ ...asker, ...line }));
  return { hosts, paths, tables, commands, scripts, python, environment, plain };
}

/**
 * A glob gets its folder, as long as nothing in there is reserved, together with what its links lead
 * to. Else it gets the files that are there now, one by one.
 */
async function askForSource(
  fence: Fence,
  asker: Asker,
  { root, pattern }: { readonly root: string; readonly pattern: string },
): Promise<PathAsk[]> {
  const { base, glob } = parsePattern(root, pattern);
  const plain = resolve(root, pattern);
  const matches = (path: string) =>
    isInside(base, path) && glob?.matches(path.slice(base.length + 1)) === true;
  const ask = async (path: string, purpose: "listing" | "source", isFolder: boolean): Promise<PathAsk> => ({
    ...asker,
    path,
    real: await lookAt(asker, path),
    action: "read",
    purpose,
    isFolder,
    ...(purpose === "source" ? { matches } : {}),
  });
  // A file may have a name with the characters of a glob.
  if (glob === undefined || await exists(plain)) return [await ask(plain, "source", false)];
  const isMixed = reservedWithin(fence, await lookAt(asker, base), "read").length > 0;
  const asks = [await ask(base, isMixed ? "listing" : "source", true)];
  const files = isMixed ? await filesOf(root, pattern) : await Array.fromAsync(linksIn(base));
  for (const path of files) if (matches(path)) asks.push(await ask(path, "source", false));
  return asks;
}

/** What is wrong with the pattern is reported by the connector, where it reads. */
async function filesOf(root: string, pattern: string): Promise<readonly string[]> {
  try {
    const { files } = await new DiskLocation(root, { log: () => {} }).list(pattern, AbortSignal.any([]));
    return files.map(({ path }) => path);
  } catch (error) {
    const { code } = toAppError(error);
    if (code === "not_found" || code === "invalid" || code === "forbidden") return [];
    throw error;
  }
}

async function* linksIn(folder: string): AsyncIterable<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch {
    // Not there or not to be read: the connector reports it.
    return;
  }
  for (const entry of entries) {
    if (isHidden(entry.name)) continue;
    const path = `${folder === "/" ? "" : folder}/${entry.name}`;
    if (entry.isSymlink) yield path;
    else if (entry.isDirectory) yield* linksIn(path);
  }
}

async function lookAt(asker: Asker, path: string): Promise<string> {
  if (!isAbsolute(path)) {
    throw new Error(`Connector "${asker.connector}" asked for the relative path ${path}`);
  }
  try {
    return await realPathOf(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.FilesystemLoop
      ? "its symbolic links lead in a circle"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new AppError("forbidden", `${askerText(asker)}: cannot look at ${path}: ${reason}`, {
      cause: error,
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    // What is not there yet may become one.
    return true;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function addressesOf(fence: Fence, asker: Asker, text: string): Promise<string[]> {
  const { hostsAllow = [], hostsDeny } = fence.policy;
  if (text.startsWith("unix:") || !needsAddresses([...hostsAllow, ...hostsDeny])) return [];
  const { host } = splitPort(text);
  if (parseAddress(host) !== undefined) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new AppError(
      "unavailable",
      `${askerText(asker)}: ${host} has no address, which the operator's policy needs to know`,
      { cause: error },
    );
  }
}

export const askerText = ({ connector, use }: Asker): string => `Connector "${connector}", ${use}`;
