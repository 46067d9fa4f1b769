import { join, resolve } from "node:path";
import { systemClock } from "../contract/clock.ts";
import { type AuditTrail, NO_AUDIT } from "../contract/audit/entry.ts";
import { AppError, toAppError } from "../contract/errors.ts";
import type { Sealer } from "../contract/keys/sealer.ts";
import type { Log } from "../contract/log.ts";
import { ENV_TOKEN_NAME } from "../contract/names.ts";
import type { AuditLog } from "../engine/control/audit/port.ts";
import type { Engine } from "../engine/control/engine.ts";
import type { LocalEngine } from "../engine/control/local_engine.ts";
import { runCommandLine } from "./cli/cli.ts";
import type { CliContext, Interrupt } from "./cli/command.ts";
import { createSecretInput } from "./cli/secret_input.ts";
import { createTerminal } from "./cli/terminal.ts";
import { createPrivateFile } from "./close_to_others.ts";
import type { ProjectSchemas } from "../engine/definitions/json_schema/schemas.ts";
import type { OpenedSecrets } from "../engine/control/secrets/open_secrets.ts";
import type { GrantContext } from "../engine/grants/provide.ts";
import type { NamedSecrets } from "../engine/secrets/named_secrets.ts";
import type { OpenSecrets } from "../engine/secrets/open_secrets.ts";
import type { MigrateOptions } from "../engine/store/migrate.ts";
import type { Policy } from "../engine/grants/policy.ts";
import type { ReferenceCheck, ReferenceHolder } from "../engine/secrets/check_references.ts";
import type { Store } from "../engine/store/store.ts";
import { findProgram, type Program } from "./program.ts";
import type {
  Backend,
  CheckOptions,
  EngineOptions,
  ListeningServer,
  ListenOptions,
  OpenedEngine,
  ProjectPlace,
  ProjectReport,
} from "./backend.ts";

/**
 * The composition root: the one place that knows all the parts. What is heavy is imported when it is
 * first needed, so that a command starts as fast as it can.
 */

const env = (name: string) => Deno.env.get(name);

/** What a request may still take after the server was told to stop. */
const SHUTDOWN_MS = 5_000;

function createBackend(program: Program): Backend {
  return {
    openEngine: (options) => openEngine(program, options),
    checkProject: (options) => checkProject(program, options),
    missingReferences: (place) => missingReferences(program, place),
    checkReferences: (place) => checkReferences(program, place),
    tryScript: async (place, request, log, signal) => {
      const { tryScript } = await import("../engine/definitions/scripts/try_script.ts");
      await using stored = secretsBeside(place, (path) => context.secrets.transit(path));
      await using context = await grantContext(program, place, stored, log);
      const kept = await keptBesideStore(context);
      return await tryScript({ ...context, ...kept, runProcess: program.runProcess, log }, request, signal);
    },
    projectSchemas,
    listen: (options) => listen(program, options),
  };
}

async function openEngine(program: Program, options: EngineOptions): Promise<OpenedEngine> {
  const { maxRuns, pools = {}, diskReserveBytes, log, next } = options;
  // A secret that is asked for ahead opens it, else whoever comes next does.
  const theStore = once(() =>
    openControlStore(options, {
      isForbidden: options.leaveOldStore ?? false,
      onUpgrade: (from, to) => log("info", `the control store is brought up to date: schema ${from} → ${to}`),
    })
  );
  const theAudit = once(async () => {
    const { createAudit } = await import("../engine/control/audit/audit_log.ts");
    return createAudit({ store: (await theStore()).audit, clock: systemClock, log });
  });
  const secrets: () => Promise<OpenedSecrets> = once(async () =>
    await openSecrets(options, await theStore(), {
      audit: await theAudit(),
      transit: (path) => context.secrets.transit(path),
    })
  );
  const context = {
    ...await grantContext(program, options, {
      get: async (name) => await (await secrets()).stored.get(name),
    }, log),
    runProcess: program.runProcess,
    clock: systemClock,
    log,
  };
  const retention = {
    keepDays: readCount("SLUICE_KEEP_DAYS", 90),
    keepRuns: readCount("SLUICE_KEEP_RUNS", 1_000),
  };
  // First of all: the run's process loads while this one does.
  const ahead = next === undefined
    ? undefined
    : await (await import("../engine/control/start_ahead.ts")).startAhead({
      ...context,
      isNew: await isNewStore(options),
    }, next);
  try {
    const store = await theStore();
    const audit = await theAudit();
    const { createEngine } = await import("../engine/control/local_engine.ts");
    const sealer: Sealer = {
      seal: async (text, place) => await (await secrets()).sealer.seal(text, place),
      open: async (sealed, place) => await (await secrets()).sealer.open(sealed, place),
    };
    const notesFolder = leasesFolder(options.dataDir);
    const asked: OpenedEngine["asked"] = { certificateProblem: () => undefined };
    const engine = createEngine({
      certificateProblem: () => asked.certificateProblem(),
      ...context,
      secretKeeping: context.secrets.keeping({ audit, notesFolder, sealer }),
      store,
      audit,
      warehouseKeys: await openWarehouseKeys(options, store, sealer),
      maxRuns,
      pools,
      diskReserveBytes,
      // The store in the data folder comes with that folder's lock; one elsewhere may have other servers.
      isAlone: sharedStoreUrl() === undefined,
      retention,
      publicUrl: readPublicUrl(),
      telemetry: { settings: await readTelemetry(context.policy), version: program.version },
      ahead,
    });
    return {
      asked,
      engine,
      store,
      sealer,
      audit,
      secrets: async () => (await secrets()).secrets,
      asServer: await serversEngine(engine, store, audit),
      async [Symbol.asyncDispose]() {
        await engine[Symbol.asyncDispose]();
        await context[Symbol.asyncDispose]();
        await audit[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await ahead?.processes[Symbol.asyncDispose]();
    await context[Symbol.asyncDispose]();
    throw error;
  }
}

/** The engine as this process itself uses it: for whoever started it. */
async function serversEngine(engine: LocalEngine, store: Store, log: AuditLog): Promise<Engine> {
  const { auditedEngine } = await import("../engine/control/audit/audited_engine.ts");
  const { storedDefinitions } = await import("../engine/control/audit/definition_facts.ts");
  const { SERVER_ACTOR, starterDetails } = await import("../engine/control/audit/actors.ts");
  const definitions = storedDefinitions(store);
  return auditedEngine(engine, {
    log,
    actor: SERVER_ACTOR,
    definitions,
    isOften: true,
    details: starterDetails(),
  });
}

/** The operator's own store; undefined: the one in the data folder. */
const sharedStoreUrl = (): string | undefined => env("SLUICE_STORE_URL") || undefined;

/** Whether there is no store yet; one elsewhere is taken for one that is there. */
async function isNewStore({ dataDir }: ProjectPlace): Promise<boolean> {
  if (sharedStoreUrl() !== undefined) return false;
  return await Deno.stat(join(dataDir, "sluice.db")).then(() => false, () => true);
}

async function openControlStore({ dataDir }: ProjectPlace, upgrade: MigrateOptions): Promise<Store> {
  const { fileStoreUrl, openStore } = await import("../engine/store/open.ts");
  const authToken = env("SLUICE_STORE_TOKEN");
  const sharedUrl = sharedStoreUrl();
  const storePath = join(dataDir, "sluice.db");
  if (sharedUrl === undefined) await createPrivateFile(storePath);
  const url = sharedUrl ?? fileStoreUrl(storePath);
  return await openStore(url, { upgrade, ...(authToken === undefined ? {} : { authToken }) });
}

/** Loaded when one is first asked for, or something is sealed or opened. */
async function openSecrets(
  { dataDir, projectDir }: ProjectPlace,
  store: Store,
  others: { readonly audit: AuditTrail; readonly transit: OpenSecrets["transit"] },
): Promise<OpenedSecrets> {
  const { openSecrets } = await import("../engine/control/secrets/open_secrets.ts");
  return openSecrets({ store, ...others, clock: systemClock, env, dataDir, projectDir });
}

/** The secrets of the store as a command has them that opens no engine: a store that is not there has none. */
function secretsBeside(
  place: ProjectPlace,
  transit: OpenSecrets["transit"],
): NamedSecrets & AsyncDisposable {
  const opened = once(async () => {
    if (await isNewStore(place)) return undefined;
    try {
      const store = await openControlStore(place, { isForbidden: true });
      return { store, ...await openSecrets(place, store, { audit: NO_AUDIT, transit }) };
    } catch (error) {
      // Of an older version, which had none.
      if (toAppError(error).code === "conflict") return undefined;
      throw error;
    }
  });
  let isOpened = false;
  return {
    async get(name) {
      isOpened = true;
      return await (await opened())?.stored.get(name);
    },
    async [Symbol.asyncDispose]() {
      if (isOpened) await (await opened().catch(() => undefined))?.store[Symbol.asyncDispose]();
    },
  };
}

/** Done when it is first asked for, whoever asks. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => done ??= work();
}

async function openWarehouseKeys({ dataDir }: ProjectPlace, store: Store, sealer: Sealer) {
  const { createWarehouseKeys } = await import("../engine/runs/warehouses/warehouse_keys.ts");
  const { findCryptoModule } = await import("../engine/runs/warehouses/crypto_module.ts");
  return createWarehouseKeys({
    store: store.warehouseKeys,
    sealer,
    dataDir,
    clock: systemClock,
    isWanted: readSwitch("SLUICE_ENCRYPT_WAREHOUSES"),
    findModule: () => findCryptoModule(env),
  });
}

/** Where people reach the server. Throws `invalid`. */
function readPublicUrl(): string | undefined {
  const text = env("SLUICE_PUBLIC_URL");
  if (text === undefined || text === "") return undefined;
  if (/^https?:\/\/[^\s?#]+$/.test(text) && URL.canParse(text)) return text;
  throw new AppError(
    "invalid",
    `SLUICE_PUBLIC_URL is "${text}", expected an address as https://sluice.example.com`,
  );
}

/** Throws `invalid` where the token of the operator's own store would go as others can read it. */
async function requireStoreLine(policy: Policy): Promise<void> {
  const url = sharedStoreUrl();
  if (url === undefined || !env("SLUICE_STORE_TOKEN")) return;
  const { plainFault } = await import("../engine/grants/plain_lines.ts");
  const fault = plainFault(policy, url);
  if (fault !== undefined) {
    throw new AppError("invalid", `SLUICE_STORE_URL, with SLUICE_STORE_TOKEN, ${fault}`);
  }
}

/** Nothing is sent anywhere by default. */
async function readTelemetry(policy: Policy) {
  const { readTelemetrySettings } = await import("../engine/runs/telemetry/settings.ts");
  const { plainFault } = await import("../engine/grants/plain_lines.ts");
  return readTelemetrySettings(env, (address) => plainFault(policy, address));
}

/** A variable that is 1 for yes; no by default. Throws `invalid`. */
function readSwitch(name: string): boolean {
  const text = env(name) ?? "";
  if (/^(?:1|true|on|yes)$/i.test(text)) return true;
  if (/^(?:0|false|off|no|)$/i.test(text)) return false;
  throw new AppError("invalid", `${name} is "${text}", expected 1 or 0`);
}

/** A variable that is a whole number. Throws `invalid`. */
function readCount(name: string, fallback: number): number {
  const text = env(name);
  if (text === undefined || text === "") return fallback;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new AppError("invalid", `${name} is "${text}", expected a whole number; 0 keeps everything`);
}

/** What decides about every process, whichever command starts it. Throws `invalid` where the policy has faults. */
async function grantContext(
  program: Program,
  { projectDir, dataDir, policyPath }: ProjectPlace,
  stored: NamedSecrets,
  log: Log = () => {},
) {
  const { connectors } = await import("../connectors/registry.ts");
  const { secretFolders } = await import("../engine/secrets/named_secrets.ts");
  const { openSecrets } = await import("../engine/secrets/open_secrets.ts");
  const { Egress } = await import("../engine/grants/egress/egress.ts");
  const { defaultPolicy, readPolicy } = await import("../engine/grants/policy.ts");
  const policy = policyPath === undefined
    ? defaultPolicy(projectDir)
    : await readPolicy(policyPath, projectDir);
  await requireStoreLine(policy);
  const secrets = openSecrets({ env, rules: policy, stored, clock: systemClock, log });
  const egress = new Egress(systemClock);
  return {
    projectDir,
    dataDir,
    connectors,
    secrets,
    references: secrets.references,
    egress,
    policy,
    async [Symbol.asyncDispose]() {
      await secrets[Symbol.asyncDispose]();
      await egress[Symbol.asyncDispose]();
    },
    programPaths: program.programPaths,
    secretFolders: secretFolders(env),
    ...storePlace(env("SLUICE_STORE_URL")),
    ...keyPlace(env("SLUICE_KEY_FILE")),
  };
}

/** Of a command that opens no engine: what it hands out to processes of its own is in no audit log. */
async function keptBesideStore(
  { secrets, dataDir }: Pick<Awaited<ReturnType<typeof grantContext>>, "secrets" | "dataDir">,
): Promise<Pick<GrantContext, "secretKeeping">> {
  const { dataFolderExists } = await import("./data_folder.ts");
  const notesFolder = await dataFolderExists(dataDir) ? leasesFolder(dataDir) : undefined;
  return { secretKeeping: secrets.keeping({ audit: NO_AUDIT, notesFolder }) };
}

const leasesFolder = (dataDir: string): string => join(dataDir, "leases");

/** A store that is a file of its own; one in the data folder lies with all the rest there. */
function storePlace(url: string | undefined): { storePath?: string } {
  const path = /^file:(?:\/\/)?([^?]+)/.exec(url ?? "")?.[1];
  return path === undefined ? {} : { storePath: resolve(decodeURIComponent(path)) };
}

/** No run may read it, wherever it lies. */
function keyPlace(path: string | undefined): { keyPath?: string } {
  return path === undefined || path === "" ? {} : { keyPath: resolve(path) };
}

async function checkProject(program: Program, options: CheckOptions): Promise<ProjectReport> {
  const { checkProject } = await import("../engine/definitions/check_pipelines.ts");
  const { log, signal, isOffline } = options;
  await using stored = secretsBeside(options, (path) => context.secrets.transit(path));
  await using context = await grantContext(program, options, stored, log);
  const { UNASKED_STORES } = await import("../engine/secrets/open_stores.ts");
  const { references } = context;
  return await checkProject({
    ...context,
    ...await keptBesideStore(context),
    references: isOffline ? { ...references, stores: UNASKED_STORES } : references,
    isOffline,
    runProcess: program.runProcess,
    log,
    knownColumns: () => Promise.resolve({}),
  }, signal);
}

async function missingReferences(program: Program, place: ProjectPlace): Promise<string[]> {
  const { readConnectors } = await import("../engine/definitions/discover.ts");
  const { missingReferences } = await import("../engine/secrets/resolve.ts");
  await using stored = secretsBeside(place, (path) => context.secrets.transit(path));
  await using context = await grantContext(program, place, stored);
  const missing = await Promise.all(
    Object.entries(await readConnectors(context)).map(([name, definition]) =>
      missingReferences(name, definition, context.references)
    ),
  );
  return missing.flat().map(({ message }) => message);
}

async function checkReferences(program: Program, place: ProjectPlace): Promise<ReferenceCheck[]> {
  const { loadProject } = await import("../engine/definitions/load.ts");
  const { checkReferences } = await import("../engine/secrets/check_references.ts");
  await using stored = secretsBeside(place, (path) => context.secrets.transit(path));
  await using context = await grantContext(program, place, stored);
  const { connectors, notifiers } = await loadProject(place.projectDir, {
    connectorTypes: context.connectors,
  });
  const holdersOf = (
    kind: "connector" | "notifier",
    entries: Readonly<Record<string, ReferenceHolder["definition"]>>,
  ) => Object.entries(entries).map(([name, definition]) => ({ kind, name, definition }));
  return await checkReferences(
    [...holdersOf("connector", connectors), ...holdersOf("notifier", notifiers.notifiers)],
    context.references,
    context.secrets.places,
  );
}

async function projectSchemas(): Promise<ProjectSchemas> {
  const { createProjectSchemas } = await import("../engine/definitions/json_schema/schemas.ts");
  const { connectors } = await import("../connectors/registry.ts");
  return createProjectSchemas(connectors);
}

async function listen(program: Program, options: ListenOptions): Promise<ListeningServer> {
  const { createApp } = await import("./routes/app.ts");
  const { Auth } = await import("./auth/auth.ts");
  const { createClientView } = await import("./http/client_view.ts");
  const { openFront } = await import("./http/front.ts");
  const { createRequestRates, readRequestRate } = await import("./http/request_rate.ts");
  const { checkEnvToken, ensureFirstToken, renewLocalToken, SCRAPE_TOKEN_NAME } = await import(
    "./auth/token.ts"
  );
  const { createPages } = await import("../ui/pages/create_pages.tsx");
  const { applyingSecrets } = await import("../engine/control/secrets/applying_secrets.ts");
  const { createPeople } = await import("../engine/control/people/local_people.ts");
  const { auditSinks, startServerAudit } = await import("../engine/control/audit/server_audit.ts");
  const { createVisitors } = await import("../engine/control/audit/visitors.ts");
  const { createHasher } = await import("../engine/control/people/passwords/hasher.ts");
  const { createAccountMail, readMailSettings } = await import(
    "../engine/control/people/mail/account_mail.ts"
  );
  const { Forgotten } = await import("./auth/forgotten.ts");
  const { OwnAccount } = await import("./auth/account/own_account.ts");
  const { createSignIn } = await import("./auth/create_sign_in.ts");
  const { readFactorRequirement } = await import("./auth/factors/requirement.ts");
  const { relyingPartyOf } = await import("../engine/control/factors/relying_party.ts");
  const { readSessionTimes } = await import("./auth/session_times.ts");
  const { openSso } = await import("./auth/sso/open_sso.ts");
  const { createOAuth } = await import("./routes/oauth.ts");
  const { storePlaces } = await import("../engine/control/access/store_places.ts");
  const { opened: { engine, store, audit }, phase, log, firstTokenMark } = options;
  const { proxy: { allowedHosts, trustProxy, strictSeconds } } = options;
  const client = createClientView(options.proxy);
  const { version } = program;
  const clock = systemClock;
  const envToken = env(ENV_TOKEN_NAME);
  checkEnvToken(envToken);
  const scrapeToken = env(SCRAPE_TOKEN_NAME);
  checkEnvToken(scrapeToken, SCRAPE_TOKEN_NAME);
  const sinks = auditSinks(env);
  const { access } = store;
  const places = storePlaces(store);
  const hasher = createHasher();
  const sessions = readSessionTimes(env);
  const publicUrl = readPublicUrl();
  const mail = readMailSettings(env, publicUrl);
  const people = createPeople({
    ...store,
    hasher,
    clock,
    sessionIdleMs: sessions.idleMs,
    publicUrl: publicUrl?.replace(/\/+$/, ""),
    mail: mail && createAccountMail(mail),
    trail: audit,
    log,
  });
  const rates = createRequestRates(clock, readRequestRate(env("SLUICE_REQUEST_RATE")));
  const secrets = applyingSecrets(await options.opened.secrets(), () => {
    const failed = (error: unknown) =>
      log("warn", `the project could not be applied: ${toAppError(error).message}`);
    void engine.applyProject().catch(failed);
  });
  const baseUrl = () => (publicUrl ?? front.url).replace(/\/+$/, "");
  const { sealer } = options.opened;
  const { subjects } = places;
  const shared = { access, audit, client, clock, log, baseUrl };
  const sso = await openSso({
    ...shared,
    env,
    readFile: Deno.readTextFile,
    publicUrl,
    store,
    sealer,
    subjects,
  });
  const visitors = createVisitors({ engine, people, places, audit, store, clock });
  const auth = new Auth({
    access,
    clock,
    client,
    jwt: sso.jwt,
    log,
    subjects,
    scrapeToken,
    rate: rates?.user,
    sessions,
    audit,
  });
  const account = new OwnAccount({
    people,
    access,
    passwords: store.passwords,
    clock,
    audit,
    subjects,
  });
  const signIns = createSignIn({
    store,
    auth,
    hasher,
    links: people.passwordLinks,
    sealer,
    clock,
    audit,
    log,
    isPasswordOff: sso.isOnly,
    requirement: readFactorRequirement(env),
    relyingParty: () => relyingPartyOf(publicUrl, front.url),
  });
  const app = createApp({
    ...visitors,
    server: engine.server,
    secrets,
    account,
    ownFactors: signIns.secondFactor.own,
    auth,
    webhooks: engine.receiver,
    version,
    clock,
    log,
    phase,
    readMetrics: async () => front.withExpiry(await engine.metrics.read(version)),
    addressRate: rates?.address,
    oauth: createOAuth({ ...shared, sso, addressOf: (c) => auth.addressOf(c) }),
    client,
    pages: createPages({
      client,
      ...visitors,
      places,
      secrets,
      links: people.passwordLinks,
      auth,
      ...signIns,
      sso: sso.signOn(auth),
      account,
      forgotten: new Forgotten({ resets: people.passwordResets, isOff: sso.isOnly, auth, clock }),
      version,
      clock,
      log,
    }),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    strictTransport: { ...client, seconds: strictSeconds },
  });
  const front = await openFront(app, { ...options, trustProxy, clock });
  options.opened.asked.certificateProblem = front.certificateProblem;
  try {
    // Only now: a port in use must not cost the one token that is shown once.
    const auditing = await startServerAudit({
      audit,
      store,
      clock,
      log,
      isAlone: sharedStoreUrl() === undefined,
      version,
      keepDays: readCount("SLUICE_KEEP_AUDIT_DAYS", 400),
      sinks,
    });
    const firstToken = await ensureFirstToken(access, envToken, firstTokenMark, clock);
    return {
      url: front.url,
      ...(front.socket === undefined ? {} : { socket: front.socket }),
      localToken: await renewLocalToken(access, clock),
      signInUrl: `${front.url}/login`,
      ...(firstToken === undefined ? {} : { firstToken }),
      async close() {
        await front.close(SHUTDOWN_MS);
        await auditing[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await front.close(0);
    throw error;
  }
}

function createContext(): CliContext {
  const program = findProgram(import.meta.url, env);
  return {
    program,
    backend: createBackend(program),
    terminal: createTerminal(env),
    secretInput: createSecretInput(),
    cwd: workingFolder(program),
    env,
    exit: (code) => Deno.exit(code),
    onInterrupt(handler, { withHangup } = { withHangup: false }) {
      return onSignals(["SIGINT", "SIGTERM", ...(withHangup ? ["SIGHUP" as const] : [])], handler);
    },
    onHangup: (handler) => onSignals(["SIGHUP"], handler),
  };
}

function onSignals(signals: readonly Interrupt[], handler: (signal: Interrupt) => void): Disposable {
  const listeners = signals.map((signal) => [signal, () => handler(signal)] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/** `deno task` goes to the checkout's folder and says in INIT_CWD where the person is. */
function workingFolder(program: Program): string {
  const initial = env("INIT_CWD");
  const isByTask = !program.isPacked && Deno.cwd() === join(import.meta.dirname ?? "", "..");
  return isByTask && initial ? initial : Deno.cwd();
}

// With it, certificates of mail servers and others would not be verified, and nothing would say so.
Deno.env.delete("NODE_TLS_REJECT_UNAUTHORIZED");

Deno.exit(await runCommandLine(Deno.args, createContext()));
