import type { AuditLog } from "../engine/control/audit/port.ts";
import type { DescribedProject } from "../engine/control/docs/describe_project.ts";
import type { Engine } from "../engine/control/engine.ts";
import type { Sealer } from "../contract/keys/sealer.ts";
import type { FormattedText } from "../contract/jobs/format_job.ts";
import type { ProjectDocs } from "../contract/docs/project_docs.ts";
import type { Log } from "../contract/log.ts";
import type { Column } from "../contract/sql.ts";
import type { ProjectPlan } from "../contract/plan/plan.ts";
import type { PlanRequest } from "../engine/control/models/port.ts";
import type { LiveChecker } from "../engine/definitions/live/live_checker.ts";
import type { LiveBudget } from "../engine/definitions/live/live_process.ts";
import type { LocalEngine } from "../engine/control/local_engine.ts";
import type { Trial, TrialRequest } from "../engine/definitions/scripts/try_script.ts";
import type { ReferenceCheck } from "../engine/secrets/check_references.ts";
import type { TestReport, TestSelection } from "../engine/definitions/testing/test_project.ts";
import type { ProjectSchemas } from "../engine/definitions/json_schema/schemas.ts";
import type { ServerPhase } from "./http/server_phase.ts";
import type { FirstToken } from "./auth/token.ts";
import type { ProxySettings } from "./http/proxy_settings.ts";
import type { TlsSettings } from "./http/tls/tls_settings.ts";
import type { Mark } from "./data_folder.ts";
import type { Secrets } from "../engine/control/secrets/port.ts";
import type { CheckedProject } from "../engine/definitions/check/check_project.ts";
import type { Store } from "../engine/store/store.ts";

/**
 * What commands need of the heavy parts of the program. The composition root fills it in, and loads
 * each part when it is first asked for: `sluice version` must not wait for a database.
 */
export interface Backend {
  /** The control store and an engine over it; nothing runs until the engine is started. */
  openEngine(options: EngineOptions): Promise<OpenedEngine>;
  /** The JSON Schemas of a project's files, with the keys of all connectors. */
  projectSchemas(): Promise<ProjectSchemas>;
  checkProject(options: CheckOptions): Promise<ProjectReport>;
  /** What the project's files would change against another state of them, where there is no data folder. */
  planProject(options: PlanOptions): Promise<ProjectPlan>;
  /** Runs the project's tests of models, and stores nothing. Throws `not_found` for a pipeline or model that is not there. */
  testProject(
    place: ProjectPlace,
    selection: TestSelection,
    log: Log,
    signal: AbortSignal,
  ): Promise<TestReport>;
  /** What is written of the project, with what is known of the columns of its streams. */
  describeProject(options: DescribeOptions): Promise<DescribedProject>;
  /** The same as files of static pages, the same ones each time. */
  renderDocs(docs: ProjectDocs): AsyncIterable<SiteFile>;
  /** Checks the project again and again while its files change: only what has, and what reads it. */
  openLive(options: LiveOptions): Promise<OpenedLive>;
  /** What references of connectors.yaml have no value in this environment, each with what to do. */
  missingReferences(place: ProjectPlace): Promise<string[]>;
  /** What each reference of connectors.yaml and notifiers.yaml comes from in this environment, without its value. */
  checkReferences(place: ProjectPlace): Promise<ReferenceCheck[]>;
  /** Formats texts of SQL where they mean the same afterwards. */
  formatTexts(
    place: ProjectPlace,
    texts: readonly string[],
    log: Log,
    signal: AbortSignal,
  ): Promise<readonly FormattedText[]>;
  /** Runs one script of the project, and stores nothing. */
  tryScript(place: ProjectPlace, request: TrialRequest, log: Log, signal: AbortSignal): Promise<Trial>;
  /** Serves the API and the pages. Throws `conflict` for a port in use, `invalid` for a wrong host. */
  listen(options: ListenOptions): Promise<ListeningServer>;
}

/** Where a command's project, data and policy are. Absolute. */
export interface ProjectPlace {
  readonly projectDir: string;
  readonly dataDir: string;
  /** The operator's policy; undefined: the default one. */
  readonly policyPath: string | undefined;
}

export interface CheckOptions extends ProjectPlace {
  /** No source over a network is asked, and a missing secret or variable is a warning. */
  readonly isOffline: boolean;
  /** Whether schemas/<pipeline>.yaml are written by what the sources have. */
  readonly writesSchemas?: boolean;
  /** Whether the report says where columns come from. */
  readonly wantsLineage?: boolean;
  /** As the project is in this environment; in production by default. */
  readonly environment?: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface DescribeOptions extends ProjectPlace {
  /** What the whole is called. */
  readonly title: string;
  readonly knownColumns: KnownColumns;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface LiveOptions extends ProjectPlace {
  readonly knownColumns: KnownColumns;
  /** What the process that checks may use up; that of somebody who types by default. */
  readonly budget?: LiveBudget;
  readonly log: Log;
}

export interface OpenedLive extends AsyncDisposable {
  readonly checker: LiveChecker;
}

/** The columns of a pipeline's streams as they were last seen. */
export type KnownColumns = (pipeline: string) => Promise<Readonly<Record<string, readonly Column[]>>>;

/** A file of static docs: its path in their folder, with `/`, and its text. */
export interface SiteFile {
  readonly path: string;
  readonly text: string;
}

export interface PlanOptions extends ProjectPlace {
  readonly request: PlanRequest;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface EngineOptions extends ProjectPlace {
  /** How many runs go on at the same time. */
  readonly maxRuns: number;
  /** The slots of pools. */
  readonly pools?: Readonly<Record<string, number>>;
  /** What a server keeps free of the data folder's disk; undefined: by its size. */
  readonly diskReserveBytes?: number | undefined;
  readonly log: Log;
  /** Whether a control store of an older version is refused and left as it is: another process may be using it. */
  readonly leaveOldStore?: boolean;
  /** The pipeline that is to run: its process starts while the store is opened. */
  readonly next?: string;
}

export interface OpenedEngine extends AsyncDisposable {
  /** What the engine asks of the server that is before it, once there is one. */
  readonly asked: { certificateProblem: () => string | undefined };
  readonly engine: LocalEngine;
  readonly store: Store;
  /** Reads no key before something is sealed or opened. */
  readonly sealer: Sealer;
  readonly audit: AuditLog;
  secrets(): Promise<Secrets>;
  /** The engine as this process uses it by itself: what it does is in the audit log. */
  readonly asServer: Engine;
  /** The same for whoever has given a command that no server is asked for. */
  readonly asCommand: Engine;
}

export type ProjectReport = CheckedProject;

export interface ListenOptions {
  readonly opened: OpenedEngine;
  readonly host: string;
  readonly port: number;
  readonly log: Log;
  /** /healthz returns 503 where it is not `ok`. */
  readonly phase: () => ServerPhase;
  readonly firstTokenMark: Mark;
  readonly proxy: ProxySettings;
  /** Undefined for plain HTTP. */
  readonly tls: TlsSettings | undefined;
  /** Where the socket for commands lies beside TLS. Absolute. */
  readonly dataDir: string;
}

export interface ListeningServer {
  readonly url: string;
  /** With TLS: where commands on this machine reach it. */
  readonly socket?: string;
  /** Lets commands on this machine in; another one at every start. */
  readonly localToken: string;
  /** Where a person signs in. */
  readonly signInUrl: string;
  /** Where it was just made, to be printed. */
  readonly firstToken?: FirstToken;
  /** Ends open event streams, finishes requests in flight and closes. */
  close(): Promise<void>;
}
