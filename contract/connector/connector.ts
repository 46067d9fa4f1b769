import type { GenericSchema } from "valibot";
import type { Clock } from "../clock.ts";
import type { ConnectionCheck } from "../discovery.ts";
import type { OpenDuckdb } from "../duckdb.ts";
import type { Destination, LoadMode, LoadShape } from "./destination.ts";
import type { Source } from "./source.ts";
import type { SnapshotInput } from "../snapshots/source.ts";
import type { SqlText } from "./sql_text.ts";
import type { PostedBody } from "../triggers/webhooks.ts";
import type { AccessToken, RenewedToken, TokenRequest } from "./tokens.ts";

/**
 * What a system has to offer to be a source, a destination, or both. A connector's file reads top
 * to bottom: what it is → config schema → open → read or write → close, and exports one constant:
 * `export const postgres = {…} satisfies Connector<PostgresConfig, …>`.
 *
 * Capabilities are small and optional; the core is never widened for one system. Methods are
 * written in method form on purpose: a `Connector<X>` then fits a list of `Connector<unknown>`; the
 * engine only ever passes what the connector's own schemas returned.
 */
export interface Connector<Config = unknown, Stream = unknown, Target = unknown> {
  /** The word in `type:` of connectors.yaml. */
  readonly name: string;
  /** One sentence for docs and the JSON Schema. */
  readonly description: string;
  /** The keys of a connectors.yaml entry beside `type`; strict. Secrets come in as plain strings. */
  readonly configSchema: GenericSchema<unknown, Config>;
  /**
   * A stream's own keys: where it is (`stream`, `query`, `path`, `endpoint` …) and its `options`,
   * beside the keys that all streams have. Strict, every key described. Absent: no source.
   */
  readonly streamSchema?: GenericSchema<unknown, Stream>;
  /** A load target's own keys, as `table` or `path`, and its `options`. Absent: no destination. */
  readonly loadSchema?: GenericSchema<unknown, Target>;
  /** How the SQL of its streams and loads is written; as DuckDB's where it is absent. */
  readonly sqlText?: SqlText;
  /** Whether streams can follow its log of changes: `mode: cdc`. Its sources have `follow` then. */
  readonly followsChanges?: boolean;
  /** Whether a sensor may wait for its files. Its sources have `look` then. */
  readonly hasFiles?: boolean;
  readonly loadModes: readonly LoadMode[];
  /**
   * What of a target's address tells it apart from others of the same system: the schema in `table`, all of `table`, or a
   * folder in front of `path`. Absent where nothing is known to.
   */
  readonly apartBy?: "schema" | "table" | "folder";
  /** Why such a load of this target cannot be, as far as the two alone tell; undefined where it can. No I/O. */
  refusesLoad?(target: Target, load: LoadShape): string | undefined;
  /** Whether its destination is a delivering one, which may reject some rows and take the others. */
  readonly mayRejectRows?: boolean;
  /** The most loads at a time into one system of this kind; by default as many as it has connections. */
  readonly loadsAtOnce?: number;
  /**
   * Whether one stream or load with this address, as the pipeline writes it, moves parts side by side over as many
   * connections as there may be. No I/O.
   */
  movesParts?(address: Readonly<Record<string, unknown>>): boolean;
  /**
   * How to read back, exactly, what loads put into the target; a text says why nothing does. What the destination
   * may touch has to be enough for it. No I/O.
   */
  readBack?(target: Target): ReadBack | string;
  /**
   * Whether a load into this target may be begun before its rows are there, and stage them while they are
   * read: its claim is held as long as the source takes, and `rows` of its input is null. Not for a system
   * that a load keeps from all other writers, nor for a target that DuckDB writes by itself. No I/O.
   */
  stagesWhileReading?(target: Target): boolean;
  /** Whether DuckDB reads the stream by itself (`Source.scan`), as far as its keys tell. No I/O. */
  isScanned?(stream: Stream): boolean;
  /**
   * Whether DuckDB writes a load's rows into this target by itself (`LoadInput.copyTo`): it takes them from a query
   * as from a table then. No I/O.
   */
  isWrittenByDuckdb?(target: Target): boolean;
  /**
   * Of one whose rows others post to the server: throws `invalid` with what is wrong with a body that the stream could not
   * read, before it is taken.
   */
  checkPosted?(
    stream: Stream,
    posted: Pick<PostedBody, "contentType" | "body">,
    signal: AbortSignal,
  ): Promise<void>;
  /** Values in the config that must never be printed (a password, also one inside a URL). */
  secrets(config: Config): string[];
  /**
   * Scripts of the project that an entry of connectors.yaml names, as it is written, references not resolved: they
   * become part of the revision of each pipeline that uses it. Not those of streams and loads. No I/O.
   */
  scripts?(entry: Readonly<Record<string, unknown>>): readonly NamedScript[];
  /**
   * What this stream or target is called where lineage is told; undefined where it has no name of its own, as a query. A
   * connector without this has none. No secret is in it. No I/O; throws `invalid` for an address that cannot be read.
   */
  dataset?(
    config: Config,
    use: ConnectorUse<Stream, Target>,
    place: ConnectorPlace,
  ): DatasetName | undefined;
  /** What the run's process must be allowed for this use. Paths are absolute. No I/O. */
  access(config: Config, use: ConnectorUse<Stream, Target>, place: ConnectorPlace): Access;
  /**
   * Connects. Throws `unavailable`, `unauthorized` or `invalid`, naming the connector and the host or path.
   */
  open(config: Config, context: ConnectorContext): Promise<Connection>;
}

/** Data by the names that OpenLineage has for them: https://openlineage.io/docs/spec/naming */
export interface DatasetName {
  /** The system, as `postgres://db.example.com:5432`. */
  readonly namespace: string;
  /** In it, as `shop.public.orders`. */
  readonly name: string;
}

/** A script that a connector's entry names. */
export interface NamedScript {
  /** Where in the entry, as `["auth", "script"]`. */
  readonly path: readonly (string | number)[];
  /** As it is written; relative to the project, as `scripts/sign.ts`. */
  readonly script: string;
}

/** A stream that reads what a load has put into its target. */
export interface ReadBack {
  /** The stream's own keys. */
  readonly stream: Readonly<Record<string, unknown>>;
  /** Its columns are read as the texts that were written, of which this is how they say numbers and times. */
  readonly texts?: TextForms;
}

/** How a text file writes numbers and dates. */
export interface TextForms {
  readonly decimalSeparator: "." | ",";
  /** Between groups of digits; none by default. */
  readonly thousandsSeparator?: string;
  /** A strptime format; ISO 8601 by default. */
  readonly dateFormat?: string;
}

/** Which entry of which project's connectors.yaml this is. */
export interface ConnectorPlace {
  /** The name in connectors.yaml, for messages. */
  readonly name: string;
  /** Relative paths of a project are relative to this folder. Absolute. */
  readonly projectDir: string;
}

/** What an open connection may use of the process that it is in. */
export interface ConnectorContext extends ConnectorPlace {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** One place for each connection that is open at a time: `max_connections` of connectors.yaml. */
  readonly budget: Budget;
  /** DuckDB files beside the warehouse: see contract/duckdb.ts. */
  readonly openDuckdb: OpenDuckdb;
  /**
   * A folder of the process's own for what is too large for its memory, which DuckDB may read too. Absolute; it
   * may not be there yet. What is in it goes with the process.
   */
  readonly scratchDir: string;
  log(level: "debug" | "info" | "warn", message: string): void;
  /**
   * The secret's value as it is now, for what lives longer than a connection, as a token that is renewed.
   * Throws `forbidden` for a name that no connector of the pipeline refers to and no use asked for, `invalid` for one
   * without a value.
   */
  secret(name: string): Promise<string>;
  /** What scripts run in; undefined where no use of the pipeline may start one. */
  readonly sandbox: SandboxProgram | undefined;
  /** The same for scripts in Python. */
  readonly python?: SandboxProgram | undefined;
  /** The text of a script of the pipeline's revision, by its path in the project. Throws `invalid` for one that it does not have. */
  script(path: string): string;
  /** Of a run: whose trace a request of it is a part of, as W3C Trace Context writes it. */
  readonly traceparent?: string | undefined;
  /**
   * The next body that was posted to a webhook of the run's pipeline, behind that of this place; undefined where there is
   * none yet. Absent, or throws `forbidden`, outside of runs.
   */
  posted?(webhook: string, afterSeq: number): Promise<PostedBody | undefined>;
  /** What the job has of a published model, by its name as `shop.daily`; undefined where it has none of that name. */
  snapshot?(name: string): SnapshotInput | undefined;
  /** Bytes of memory that a process has which this one has started; null where the system does not say. */
  memoryOf(pid: number): Promise<number | null>;
  /**
   * The way to one of `guardedHosts`, `name:port`, to be asked for before the first connection and again where one fails:
   * it knows why. Throws `forbidden` with what the operator's policy has to allow, `unavailable` for a name without an address.
   */
  wayOut(host: string): Promise<WayOut>;
  /**
   * Waits until a request may go to one of `guardedHosts`: within the limit, which all runs of all pipelines together
   * keep to, and not while somebody holds it. Throws the signal's reason.
   */
  turn(host: string, limit: RateLimit | undefined, signal: AbortSignal): Promise<void>;
  /** Nobody's request goes to the host before so many milliseconds are over, but what other processes send in the next tenth of a second. */
  hold(host: string, waitMs: number): void;
  /**
   * An access token that is good now: one that another process of the server has got, or what `renew` gets by the first
   * of the refresh tokens that is taken. One renews at a time, and the refresh token that is next is kept before this
   * returns. Throws what `renew` throws, and `unavailable` where a token could not be kept.
   */
  accessToken(
    request: TokenRequest,
    renew: (refreshTokens: readonly string[]) => Promise<RenewedToken>,
  ): Promise<AccessToken>;
}

/** How a process is started that may do nothing at all, as the server has found out that this machine can. */
export interface SandboxProgram {
  readonly language: "javascript" | "python";
  /** Sets limits of its own and starts what follows them (util-linux's prlimit); null where there is none. Absolute. */
  readonly prlimit: string | null;
  /**
   * Takes away network, user and rights, as far as that is possible here, and starts deno with flags that give it
   * none: flags of V8's and `entry` follow. Or Python, which `entry` follows. The first is an absolute path.
   */
  readonly command: readonly string[];
  /** All variables that it has. */
  readonly environment: Readonly<Record<string, string>>;
  /** The operator's; absent where there are none. */
  readonly most?: ScriptCeilings;
  /** The program inside: a file, or the program itself as a `data:` URL or, of Python's, as text. */
  readonly entry: string;
}

/** At most `requests` in any `perMs`. */
export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
}

/** A SOCKS 5 proxy which is asked for the host by its name. */
export interface WayOut {
  /** `socks5h://127.0.0.1:1080` */
  readonly url: string;
  readonly basicAuth: { readonly username: string; readonly password: string };
}

/** What a system has a limited number of. */
export interface Budget {
  readonly limit: number;
  /**
   * Waits for a place, which disposing gives back. Whoever holds one must never wait for a second.
   * Throws the signal's reason where that is aborted first.
   */
  acquire(signal: AbortSignal): Promise<Disposable>;
}

export type ConnectorUse<Stream = unknown, Target = unknown> =
  | { readonly kind: "source"; readonly stream: Stream }
  /** To find what streams there are: of a source that has `discover`. */
  | { readonly kind: "discovery" }
  | { readonly kind: "destination"; readonly target: Target };

/** A line to another machine over which a password, token or key would go as others can read it. */
export interface PlainLine {
  /** `host:port`. */
  readonly host: string;
  /** What in the config makes it so, as `ssl is disable`. */
  readonly because: string;
  /** What to write instead, as `write ssl: verify-full`. */
  readonly advice: string;
}

/**
 * What a use of a connector needs. All paths are absolute; all but `config` must lie in the
 * operator's `file_roots`, and symbolic links are followed before that is decided.
 */
export interface Access {
  /** `host:port` (`[address]:port` for IPv6), or `unix:` and the absolute path of a socket. */
  readonly hosts: readonly string[];
  /**
   * Hosts, `name:port`, whose addresses come from a definition or from a server's answer: connections to them are made
   * by the server, see ConnectorContext.wayOut, and to private addresses only where the operator's policy allows it.
   */
  readonly guardedHosts?: readonly string[];
  /** Where it would sign in without encryption: the operator's policy has to name each. None where it is left out. */
  readonly plain?: readonly PlainLine[];
  /** Folders or files that the connector opens by itself. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Files whose rows are read, as paths or globs of a folder: also by DuckDB, where it scans them. */
  readonly sources?: readonly { readonly root: string; readonly pattern: string }[];
  /**
   * Files or folders that a load puts its rows into, and where it builds them: also by DuckDB's COPY. One that ends in
   * `/` is a folder, whether it is there yet or not.
   */
  readonly targets?: readonly string[];
  /**
   * Files that belong to the connector's own configuration, as a certificate authority's: no data, wherever
   * they are.
   */
  readonly config?: readonly string[];
  /** Programs that the process starts, as absolute paths: each has to be in the operator's `commands_allow`. */
  readonly commands?: readonly string[];
  /** Scripts of the project run in a sandbox of their own, which the process starts; the operator may refuse them. */
  readonly startsScripts?: boolean;
  /** What they ask for, against which the operator's policy may have ceilings. */
  readonly scriptLimits?: WrittenScriptLimits;
  /** They run in checks and discoveries too, as those that sign requests do. */
  readonly scriptsInCheck?: boolean;
  /** One of them is in Python, which only an operator who names the interpreter allows. */
  readonly startsPython?: boolean;
  /** Secrets that the use asks for by name, beside those that the connector's own entry refers to. */
  readonly secrets?: readonly string[];
  /** Environment variables of the server's that the process gets as they are; it has no others. */
  readonly environment?: readonly string[];
  /** Tables that the use names: no load may go into one that the same pipeline reads. */
  readonly tables?: readonly TableUse[];
}

/**
 * Limits of a script as its definition writes them; what it leaves out is the default, or the operator's ceiling where
 * that is less.
 */
export interface WrittenScriptLimits {
  /** As `256MB`. */
  readonly memory?: string | undefined;
  /** As `10m`. */
  readonly timeout?: string | undefined;
  readonly cpu?: string | undefined;
  readonly output?: string | undefined;
  /** `name:port` of those that it may ask. */
  readonly hosts: readonly string[];
}

/** The most that scripts may take, whatever their definitions say. */
export interface ScriptCeilings {
  readonly memoryBytes?: number;
  readonly timeoutMs?: number;
  /** Of a processor. */
  readonly cpuMs?: number;
  readonly outputBytes?: number;
}

/** A table, so that two uses of it can be recognized whatever connectors they go by. */
export interface TableUse {
  readonly action: "read" | "write";
  /** The absolute path of the database's file, or server and database, as `postgres db.example:5432/shop`. */
  readonly database: string;
  /** As the system tells names apart: in lower case where case does not matter. */
  readonly table: string;
}

export interface Connection extends AsyncDisposable {
  /**
   * Of a system that opening asks nothing: asks it something. Throws what the first use would, where it cannot be
   * reached or does not take the sign-in.
   */
  reach?(signal: AbortSignal): Promise<void>;
  /** Of a connector that has nothing to ask before it is used: why, as `its file is opened when it is read`. */
  readonly unasked?: string;
  /**
   * What its user may do there beside what `discover` and `read` show, as which grants are missing for tables that
   * cannot be read, and for loads. Changes nothing.
   */
  test?(signal: AbortSignal): Promise<readonly ConnectionCheck[]>;
  readonly source?: Source;
  readonly destination?: Destination;
}
