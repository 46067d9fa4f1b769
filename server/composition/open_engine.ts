import { localActor, SERVER_ACTOR, systemUser } from "../../contract/audit/actor.ts";
import { systemClock } from "../../contract/clock.ts";
import { toAppError } from "../../contract/errors.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import type { Log } from "../../contract/log.ts";
import { readCount, readSwitch } from "../../contract/settings/variables.ts";
import type { AuditLog } from "../../engine/control/audit/port.ts";
import type { LocalEngine } from "../../engine/control/local_engine.ts";
import type { OpenedSecrets } from "../../engine/control/secrets/open_secrets.ts";
import { readRemoteSettings } from "../../engine/definitions/git/settings.ts";
import { plainFault } from "../../engine/grants/plain_lines.ts";
import type { Policy } from "../../engine/grants/policy.ts";
import { readTelemetrySettings } from "../../engine/runs/telemetry/settings.ts";
import type { Store } from "../../engine/store/store.ts";
import type { EngineOptions, OpenedEngine, ProjectPlace } from "../backend.ts";
import type { Program } from "../program.ts";
import { isNewStore, isStoreAlone, openControlStore } from "./control_store.ts";
import { env } from "./environment.ts";
import { leasesFolder, openGrants } from "./grants.ts";
import { once } from "./once.ts";
import { readPublicUrl } from "./public_url.ts";
import { openSecrets } from "./store_secrets.ts";

/** See Backend. What a run's process needs comes first, where one starts ahead. */
export async function openEngine(program: Program, options: EngineOptions): Promise<OpenedEngine> {
  const { maxRuns, pools = {}, diskReserveBytes, log, next } = options;
  const sealer: Sealer = {
    seal: async (text, place) => await (await secrets()).sealer.seal(text, place),
    open: async (sealed, place) => await (await secrets()).sealer.open(sealed, place),
  };
  // A secret that is asked for ahead opens it, else whoever comes next does.
  const theStore = once(() =>
    openControlStore(options, {
      isForbidden: options.leaveOldStore ?? false,
      onUpgrade: (from, to) => log("info", `the control store is brought up to date: schema ${from} → ${to}`),
    }, sealer)
  );
  const theAudit = once(async () => {
    const { createAudit } = await import("../../engine/control/audit/audit_log.ts");
    return createAudit({ store: (await theStore()).audit, clock: systemClock, log });
  });
  const secrets: () => Promise<OpenedSecrets> = once(async () =>
    await openSecrets(options, {
      store: await theStore(),
      transit: (path) => context.secrets.transit(path),
    })
  );
  const context = {
    ...await openGrants(program, options, {
      get: async (name) => await (await secrets()).stored.get(name),
    }, log),
    clock: systemClock,
  };
  const retention = {
    keepDays: readCount(env, "SLUICE_KEEP_DAYS", 90),
    keepRuns: readCount(env, "SLUICE_KEEP_RUNS", 1_000),
  };
  // First of all: the run's process loads while this one does.
  const ahead = next === undefined
    ? undefined
    : await (await import("../../engine/control/start_ahead.ts")).startAhead({
      ...context,
      isNew: await isNewStore(options),
    }, next);
  try {
    const store = await theStore();
    const audit = await theAudit();
    if (options.leaveOldStore !== true) {
      if (isStoreAlone()) await beginWithoutKey(store, secrets, audit, log);
      await sealPlainEntries(store, log);
    }
    const { createEngine } = await import("../../engine/control/local_engine.ts");
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
      isAlone: isStoreAlone(),
      retention,
      publicUrl: readPublicUrl(),
      remote: readRemoteSettings(env),
      telemetry: { settings: readTelemetry(context.policy), version: program.version },
      ahead,
    });
    return {
      asked,
      engine,
      store,
      sealer,
      audit,
      secrets: async () => {
        const { auditedSecrets } = await import("../../engine/control/audit/audited_secrets.ts");
        return auditedSecrets((await secrets()).secrets, audit);
      },
      ...await audited(engine, store, audit),
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

/** A restored data folder has no key: see engine/keys/begin_again.ts. What is wrong with one is told by whoever needs it. */
async function beginWithoutKey(
  { dataKeys }: Store,
  secrets: () => Promise<OpenedSecrets>,
  audit: AuditLog,
  log: Log,
): Promise<void> {
  if ((await dataKeys.list()).length === 0) return;
  try {
    const root = await (await secrets()).beginAgain();
    if (root === undefined) return;
    await audit.record({
      action: "key.rotate",
      actor: SERVER_ACTOR,
      target: { kind: "key", name: root.id },
      details: { by: systemUser(), key: root.id, lost: true },
    });
  } catch (error) {
    log("debug", "the keys could not be looked at", { error: toAppError(error).message });
    return;
  }
  log(
    "warn",
    "The key that sealed connectors and notifiers in the control store is not here, as after a restore: another one was " +
      "made in the data folder, and the project's files are applied anew",
  );
}

/** What an older version has left in plain. Whatever keeps it from being sealed stops nothing: the next start tries again. */
async function sealPlainEntries({ plainEntries }: Store, log: Log): Promise<void> {
  try {
    const count = await plainEntries.seal();
    if (count > 0) log("info", `sealed ${count} connectors, notifiers and revisions of the control store`);
  } catch (error) {
    log(
      "error",
      `What an older version has left in plain in the control store: ${toAppError(error).message}`,
    );
  }
}

/** The engine as this process uses it by itself, and for whoever started it with a command. */
async function audited(
  engine: LocalEngine,
  store: Store,
  log: AuditLog,
): Promise<Pick<OpenedEngine, "asServer" | "asCommand">> {
  const { auditedEngine } = await import("../../engine/control/audit/audited_engine.ts");
  const { storedDefinitions } = await import("../../engine/control/audit/definition_facts.ts");
  const definitions = storedDefinitions(store);
  const shared = { log, definitions, isOften: true };
  return {
    asServer: auditedEngine(engine, { ...shared, actor: SERVER_ACTOR, details: { by: systemUser() } }),
    asCommand: auditedEngine(engine, { ...shared, actor: localActor() }),
  };
}

async function openWarehouseKeys({ dataDir }: ProjectPlace, store: Store, sealer: Sealer) {
  const { createWarehouseKeys } = await import("../../engine/runs/warehouses/warehouse_keys.ts");
  const { findCryptoModule } = await import("../../engine/runs/warehouses/crypto_module.ts");
  return createWarehouseKeys({
    store: store.warehouseKeys,
    sealer,
    dataDir,
    clock: systemClock,
    isWanted: readSwitch(env, "SLUICE_ENCRYPT_WAREHOUSES"),
    findModule: () => findCryptoModule(env),
  });
}

/** Nothing is sent anywhere by default. */
const readTelemetry = (policy: Policy) =>
  readTelemetrySettings(env, (address) => plainFault(policy, address));
