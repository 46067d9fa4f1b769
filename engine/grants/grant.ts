import type { PlainLine, ScriptCeilings } from "../../contract/connector/connector.ts";
import type { DuckDbGrant } from "../../contract/jobs/job_base.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import { parseSize } from "../../text/size.ts";
import { type Asker, askerText, type Asks, type CommandAsk, type PathAsk, type TableAsk } from "./asks.ts";
import { reasonAgainst, reasonByRules } from "./egress/host_guard.ts";
import { ceilingsOf, reasonAgainstScript } from "./script_ceilings.ts";
import { controlFiles, type Fence, reservedAround, reservedWithin } from "./fence.ts";
import { splitPort } from "./host_rules.ts";
import { mayGoPlain } from "./plain_lines.ts";
import type { Policy } from "./policy.ts";
import { isInside } from "./real_path.ts";

/** What a process's runtime may touch. Paths are absolute; hosts are `host:port` or `unix:/path`. */
export interface ProcessPermissions {
  readonly hosts: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Taken out of `read` and `write` again. */
  readonly deny: readonly string[];
  /** Programs that it may start; none where it is left out. */
  readonly commands?: readonly string[];
  /** Whether it may start the sandboxes of scripts. */
  readonly startsScripts?: boolean;
  /** The most that these get. */
  readonly scriptCeilings?: ScriptCeilings;
  /** The interpreter of those in Python, an absolute path; none where it is left out. */
  readonly python?: string;
  /** Variables that it gets as the server has them; none where it is left out. */
  readonly environment?: readonly string[];
}

/** What one process may do. */
export interface Grant {
  /** For the runtime: what TypeScript may touch. */
  readonly permissions: ProcessPermissions;
  /** For DuckDB, which opens its files by itself. */
  readonly duckdb: DuckDbGrant;
}

/** What is refused, and to whom. */
export interface Refusal {
  /** Names the connector, the use, the path or host, and the key of the policy that decides. */
  readonly message: string;
  /** Where the pipeline's definition asks for it. */
  readonly place: DocumentPath;
}

/**
 * The one answer to "may this process …?": what the connectors ask for, where the policy and the
 * reserved paths allow it. The grant is for all of it or nothing: with a refusal it is not to be used.
 */
export function createGrant(
  fence: Fence,
  asks: Asks,
  memory: string | undefined,
): { readonly grant: Grant; readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const refuse = (ask: Asker, reason: string | undefined, verb: string) => {
    // One reason for each stream and load: a target's second file is refused for the same.
    if (reason === undefined || refusals.some(({ place }) => place === ask.place)) return;
    refusals.push({ message: `${askerText(ask)}: may not ${verb}: ${reason}`, place: ask.place });
  };
  for (const ask of asks.hosts) {
    // What a guarded name's addresses are is judged at each connection.
    const reason = ask.isGuarded
      ? reasonAgainst(fence.policy, ask.host, ask.addresses)
      : reasonByRules(fence.policy, ask.host, ask.addresses);
    refuse(ask, reason, `connect to ${ask.host}`);
  }
  for (const ask of asks.plain ?? []) {
    refuse(ask, reasonAgainstPlain(fence.policy, ask), `sign in at ${ask.host} without encryption`);
  }
  for (const ask of asks.paths) {
    const reason = reasonAgainstPath(fence, ask) ?? reasonAmong(ask, asks.paths);
    refuse(ask, reason, `${ask.action} ${shown(ask)}`);
  }
  for (const ask of asks.commands ?? []) {
    refuse(ask, reasonAgainstCommand(fence, ask), `start ${ask.path}`);
  }
  for (const ask of asks.scripts ?? []) {
    refuse(ask, reasonAgainstScript(fence.policy, ask), "run its script");
  }
  for (const ask of asks.python ?? []) {
    const reason = fence.policy.python === undefined
      ? "python of the operator's policy names no interpreter, as /usr/bin/python3"
      : undefined;
    refuse(ask, reason, "run Python");
  }
  for (const ask of asks.tables) {
    const source = ask.action === "write" ? asks.tables.find((other) => isSameTable(ask, other)) : undefined;
    if (source !== undefined) {
      refuse(ask, `${source.use} reads it; load into another table`, `write the table ${ask.table}`);
    }
  }
  return { grant: grantOf(fence, asks, memory), refusals };
}

function grantOf(fence: Fence, asks: Asks, memory: string | undefined): Grant {
  const pathsOf = (keep: (ask: PathAsk) => boolean) =>
    // The runtime goes by the path as it is written, links and all; a real one beside it does no harm.
    sorted(asks.paths.filter(keep).flatMap(({ path, real }) => [path, real]));
  const realOf = (
    keep: (ask: PathAsk) => boolean,
  ) => sorted(asks.paths.filter(keep).map(({ real }) => real));
  const environment = sorted(asks.environment ?? []);
  const commands = sorted((asks.commands ?? []).map(({ path }) => path));
  const isForSql = ({ purpose }: PathAsk) => purpose === "source" || purpose === "target";
  return {
    permissions: {
      hosts: sorted(asks.hosts.map(({ host }) => host)),
      read: pathsOf(() => true),
      write: pathsOf(({ action }) => action === "write"),
      deny: asks.paths.some(({ purpose }) => purpose === "listing") ? deniedTo(fence) : [],
      ...(commands.length === 0 ? {} : { commands }),
      ...((asks.scripts ?? []).length === 0
        ? {}
        : { startsScripts: true, scriptCeilings: ceilingsOf(fence.policy) }),
      ...((asks.python ?? []).length === 0 || fence.policy.python === undefined
        ? {}
        : { python: fence.policy.python }),
      ...(environment.length === 0 ? {} : { environment }),
    },
    duckdb: {
      directories: realOf((ask) => isForSql(ask) && ask.isFolder),
      // A target that is not there yet is a folder or a file.
      files: realOf((ask) => ask.purpose === "target" || (isForSql(ask) && !ask.isFolder)),
      ...limitsOf(fence.policy, memory),
    },
  };
}

/** DuckDB's limits: what the pipeline asks for, at most what the operator gives. */
function limitsOf(
  { memoryMax, spillMax }: Policy,
  memory: string | undefined,
): Pick<DuckDbGrant, "memoryLimit" | "spillLimit"> {
  const isTooMuch = memory === undefined ||
    (memoryMax !== undefined && (parseSize(memory) ?? 0) > memoryMax.bytes);
  const memoryLimit = isTooMuch ? memoryMax?.text : memory;
  return {
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    ...(spillMax === undefined ? {} : { spillLimit: spillMax.text }),
  };
}

/** Undefined where something may sign in there without encryption. */
export function reasonAgainstPlain(
  policy: Pick<Policy, "plainHostsAllow">,
  { host, because, advice }: PlainLine,
): string | undefined {
  if (mayGoPlain(policy, host)) return undefined;
  const { host: name } = splitPort(host);
  return `${because}, and whoever sits between could read what signs in, and the rows; ${advice}. ` +
    `Where nobody can, add ${name} to plain_hosts_allow of the operator's policy`;
}

/** A program is allowed by the very path that the policy says, so that no link of a project's leads to another. */
function reasonAgainstCommand({ policy }: Fence, { path, real }: CommandAsk): string | undefined {
  if (policy.commandsAllow.includes(path) || policy.commandsAllow.includes(real)) return undefined;
  return "it is not among commands_allow of the operator's policy";
}

function reasonAgainstPath(fence: Fence, ask: PathAsk): string | undefined {
  const around = reservedAround(fence, ask.real, ask.action);
  if (around !== undefined && !(around.mayHoldConfig && ask.purpose === "config")) {
    const what = around.path === ask.real ? "it is" : `it lies in ${around.path},`;
    return `${what} ${around.what}, which no policy opens`;
  }
  const isData = ask.purpose !== "config" && ask.purpose !== "socket";
  if (isData && !fence.roots.some((root) => isInside(root, ask.real))) {
    const roots = fence.roots.length === 0 ? "every folder that is open" : fence.roots.join(", ");
    return `it is outside of ${roots}; name its folder in file_roots of the operator's policy`;
  }
  // A folder that is only listed, or read by globs, is narrowed to what is not reserved.
  if (!ask.isFolder || ask.action === "read") return undefined;
  const [within] = reservedWithin(fence, ask.real, ask.action);
  return within === undefined ? undefined : `${within.path} lies in it, ${within.what}`;
}

/** What the other things that the pipeline asks for have against it. */
function reasonAmong(ask: PathAsk, paths: readonly PathAsk[]): string | undefined {
  if (ask.purpose === "target") {
    const source = paths.find((other) => other.purpose === "source" && isReadBy(other, ask));
    if (source !== undefined) return `${source.use} reads it; load into another path`;
  }
  const isConfig = ask.purpose !== "config" &&
    paths.some((other) => other.purpose === "config" && other.real === ask.real);
  return isConfig ? "a connector is configured with that file" : undefined;
}

/** Whether a load into the target would take away, or add to, what the source reads. */
function isReadBy({ matches = () => false, isFolder, real }: PathAsk, target: PathAsk): boolean {
  return (!isFolder && isInside(target.real, real)) || matches(target.path) || matches(target.real);
}

const isSameTable = ({ database, table }: TableAsk, other: TableAsk): boolean =>
  other.action === "read" && other.database === database && other.table === table;

/** The process lists a folder that holds files of ours: of those it still opens none. */
function deniedTo(fence: Fence): string[] {
  const inProject = fence.reserved.filter(({ path, writeOnly }) => !writeOnly && path !== fence.dataDir);
  return [
    ...controlFiles(fence),
    ...inProject.map(({ path }) => path).filter((path) => isInside(fence.projectDir, path)),
  ];
}

function shown({ path, real }: PathAsk): string {
  return path === real ? path : `${path} (a link to ${real})`;
}

/** Each once, in an order of their own: equal grants are equal texts. */
function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
