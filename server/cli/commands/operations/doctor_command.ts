import { AppError, toAppError } from "../../../../contract/errors.ts";
import type { ConnectorTest } from "../../../../contract/discovery.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import { readPolicy } from "../../../../engine/grants/policy.ts";
import { diskOf } from "../../../../engine/runs/admission/disk.ts";
import { MIGRATIONS } from "../../../../engine/store/migrations/list.ts";
import type { KeysView } from "../../../../contract/keys/views.ts";
import type { ServerStatus } from "../../../../contract/runs/server_status.ts";
import { formatPlural } from "../../../../text/format.ts";
import { formatFault } from "../../../../text/fault.ts";
import type { ProjectPlace } from "../../../backend.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders, readInteger, readSize } from "../../settings.ts";
import { type ColumnSpec, formatTable } from "../../table.ts";
import { oneLine } from "../../text.ts";
import type { DoctorCheck } from "./doctor_check.ts";
import { checkCertificate } from "./certificate_check.ts";
import { checkSignOn } from "./sign_on_checks.ts";
import { checkTelemetry, telemetryProblems } from "./telemetry_checks.ts";
import { checkSnapshots } from "./snapshot_check.ts";
import { checkWarehouses } from "./warehouse_checks.ts";
import { checkDisk, checkOpenFiles, checkRuntime, checkSandbox, readLibc } from "./machine_checks.ts";

const COLUMNS: readonly ColumnSpec[] = [{ title: "CHECK" }, { title: "STATE" }, { title: "FOUND" }];
/** A clock that is further behind than this has been set back. */
const CLOCK_SLACK_MS = 60_000;
/** So many connectors are asked at once: each is a process of 90 MB. */
const AT_ONCE = 2;

/** `sluice doctor`: what a server needs, looked at one after the other. Exit code 1 where something is wrong. */
export const doctor: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  const timeoutMs = readInteger(invocation, "timeout", { minimum: 1, maximum: 3_600, fallback: 30 }) * 1_000;
  const diskReserveBytes = readSize(invocation, "disk-reserve", undefined);
  const { terminal } = context;
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() => stop.abort(new AppError("cancelled", "Stopped")), {
    withHangup: true,
  });
  const checks = [
    checkRuntime(Deno.version.deno, await readLibc()),
    checkDisk(folders.dataDir, await diskOf(folders.dataDir), diskReserveBytes),
    checkOpenFiles(await Deno.readTextFile("/proc/self/limits").catch(() => undefined)),
    await checkSandbox(context.program),
    ...await checkCertificate(context),
    await checkWarehouses(folders.dataDir, context.env),
    await checkSnapshots(folders.dataDir),
    await checkPolicy(folders),
    ...await checkProject(folders, context, stop.signal),
    ...await checkTelemetry(context.env, context.program.version),
    ...await checkSignOn({
      env: context.env,
      readFile: Deno.readTextFile,
      publicUrl: context.env("SLUICE_PUBLIC_URL"),
    }),
    ...await checkEngine(folders, context, invocation, { timeoutMs, signal: stop.signal }),
  ];
  stop.signal.throwIfAborted();
  const ok = checks.every(({ state }) => state !== "failed");
  if (invocation.flag("json")) terminal.out(JSON.stringify({ ok, checks }));
  else {
    const rows = checks.map(({ check, state, message }) => [check, state, oneLine(message)]);
    terminal.out(formatTable(COLUMNS, rows, terminal.tableColumns()));
  }
  return ok ? 0 : 1;
};

async function checkPolicy({ policyPath, projectDir }: ProjectPlace): Promise<DoctorCheck> {
  const check = "policy";
  if (policyPath === undefined) return { check, state: "ok", message: "The default one" };
  try {
    await readPolicy(policyPath, projectDir);
    return { check, state: "ok", message: policyPath };
  } catch (error) {
    return failed(check, error);
  }
}

/** Faults of the project's files, without asking a source. */
async function checkProject(
  folders: ProjectPlace,
  { backend }: CliContext,
  signal: AbortSignal,
): Promise<DoctorCheck[]> {
  const check = "project";
  try {
    const { faults, pipelines } = await backend.checkProject({
      ...folders,
      isOffline: true,
      log: () => {},
      signal,
    });
    const errors = faults.filter(({ severity }) => severity === "error");
    if (errors.length === 0) return [{ check, state: "ok", message: `No errors; pipelines: ${pipelines}` }];
    return errors.map((fault) => ({ check, state: "failed", message: formatFault(fault) }));
  } catch (error) {
    return [failed(check, error)];
  }
}

/** The store, the clock, references and connectors: by the server where one runs, whose environment counts. */
async function checkEngine(
  folders: ProjectPlace,
  context: CliContext,
  { command }: Invocation,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<DoctorCheck[]> {
  const check = "control store";
  try {
    await using connection = await connect(folders, context, command, "read");
    const { engine } = connection;
    const place = connection.kind === "remote" ? "the server has it open" : "opened";
    const schema = MIGRATIONS.at(-1)?.id ?? 0;
    return [
      { check, state: "ok", message: `Up to date (schema ${schema}), ${place}` },
      checkClock((await engine.listRuns({ limit: 1 })).at(0)?.created_at, Date.now()),
      connection.kind === "remote"
        ? checkServer(await engine.server.status())
        : await checkReferences(folders, context),
      checkKey(await (await connection.secrets()).keys()),
      ...await telemetryProblems(engine.alerts),
      ...await checkConnectors(engine, limits),
    ];
  } catch (error) {
    return [failed(check, error)];
  }
}

/** What a server says of itself, by its own environment. */
export function checkServer({ starts_runs, message, running }: ServerStatus): DoctorCheck {
  const check = "server";
  const underWay = `${formatPlural(running, "run")} under way`;
  return starts_runs
    ? { check, state: "ok", message: `It starts runs; ${underWay}` }
    : { check, state: "warning", message: `It starts no runs: ${message}; ${underWay}` };
}

/** Whether all that is sealed can be opened, and by a key that does not lie with it. */
export function checkKey({ key, data_keys, problem, lies_with_data }: KeysView): DoctorCheck {
  const check = "key";
  if (problem !== null) return { check, state: "failed", message: problem };
  if (data_keys.length === 0) return { check, state: "ok", message: "Nothing is sealed yet" };
  const message = `${key?.id}, of ${key?.source}`;
  return lies_with_data
    ? {
      check,
      state: "warning",
      message: `${message}: it lies beside what it seals; name one elsewhere with SLUICE_KEY_FILE`,
    }
    : { check, state: "ok", message };
}

/** Against the newest run of the store, which cannot be from the future. */
export function checkClock(newest: string | undefined, nowMs: number): DoctorCheck {
  const check = "clock";
  if (newest === undefined || Date.parse(newest) - nowMs < CLOCK_SLACK_MS) {
    return { check, state: "ok", message: new Date(nowMs).toISOString() };
  }
  return {
    check,
    state: "failed",
    message: `It is ${new Date(nowMs).toISOString()}, and the newest run is of ${newest}: set the clock`,
  };
}

async function checkReferences(folders: ProjectPlace, { backend }: CliContext): Promise<DoctorCheck> {
  const check = "references";
  const missing = await backend.missingReferences(folders);
  return missing.length === 0
    ? { check, state: "ok", message: "All of connectors.yaml have values" }
    : { check, state: "failed", message: missing.join("; ") };
}

async function checkConnectors(
  engine: Pick<Engine, "listConnectors" | "testConnector">,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<DoctorCheck[]> {
  const names = (await engine.listConnectors()).map(({ name }) => name);
  const checks: DoctorCheck[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    checks.push(
      ...await Promise.all(
        names.slice(at, at + AT_ONCE).map((name) => checkConnector(engine, name, limits)),
      ),
    );
  }
  return checks;
}

/** What it may not do is a warning: a pipeline may not need it. */
export async function checkConnector(
  engine: Pick<Engine, "testConnector">,
  name: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<DoctorCheck> {
  const check = `connector ${name}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const test = await engine.testConnector(name, AbortSignal.any([timeout, signal]));
    const states = (["failed", "missing"] as const).map((state) => found(test, state));
    const [broken = "", missing = ""] = states;
    if (!test.ok) return { check, state: "failed", message: broken };
    if (missing !== "") return { check, state: "warning", message: missing };
    return { check, state: "ok", message: found(test, "ok") };
  } catch (error) {
    if (!timeout.aborted || signal.aborted) return failed(check, error);
    return { check, state: "failed", message: `No answer within ${timeoutMs / 1_000} s` };
  }
}

const found = ({ checks }: ConnectorTest, wanted: ConnectorTest["checks"][number]["state"]) =>
  checks.filter(({ state }) => state === wanted).map(({ name, message }) => `${name}: ${message}`).join("; ");

function failed(check: string, error: unknown): DoctorCheck {
  const { message, faults } = toAppError(error);
  return { check, state: "failed", message: [message, ...faults.map(formatFault)].join("; ") };
}
