import { systemClock } from "../../../../contract/clock.ts";
import { toAppError } from "../../../../contract/errors.ts";
import { ENV_TOKEN_NAME } from "../../../../contract/names.ts";
import { isThisMachine } from "../../../../contract/network/this_machine.ts";
import { formatFault } from "../../../../text/fault.ts";
import type { Log } from "../../../../contract/log.ts";
import { formatDuration, formatPlural } from "../../../../text/format.ts";
import { type DataFolder, openDataFolder, readHolder } from "../../../data_folder.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import type { LocalEngine } from "../../../../engine/control/local_engine.ts";
import { lookAtProject } from "../../../../engine/definitions/watch.ts";
import type { ListeningServer, OpenedEngine } from "../../../backend.ts";
import type { ServerPhase } from "../../../http/server_phase.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { commandText } from "../../command_text.ts";
import { heldError, requireProject } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { openLog } from "./open_log.ts";
import { readServeSettings, type ServeSettings } from "./serve_settings.ts";
import { createStopSignals } from "./stop_signals.ts";

/** `sluice serve`: the server, until SIGTERM or SIGINT. */
export const serve: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  const settings = readServeSettings(invocation, context);
  const { maxRuns, pools, diskReserveBytes, readyProcesses } = settings;
  await requireProject(folders, context);
  using signals = createStopSignals(context);
  await using folder = await openDataFolder(folders.dataDir, "serve");
  if (folder === undefined) throw heldError(folders.dataDir, await readHolder(folders.dataDir));
  await using logging = openLog(settings.log, context);
  const { log } = logging;
  warnOfPlainHttp(settings, log);
  await using opened = await context.backend.openEngine({
    ...folders,
    maxRuns,
    pools,
    diskReserveBytes,
    log,
  });
  let phase: ServerPhase = "starting";
  const server = await context.backend.listen({
    ...settings,
    dataDir: folders.dataDir,
    opened,
    log,
    phase: () => phase,
    firstTokenMark: folder.firstTokenMark,
  });
  try {
    // First, so that a file which is saved while the others are read is not missed.
    const watchSince = await lookAtProject(folders.projectDir);
    const { asServer } = opened;
    void applyAtStart(asServer, log);
    // Who asks first finds all of it in force; but a source that does not answer holds nobody up, and
    // what was in force before is served meanwhile.
    await atMost(APPLY_GRACE_MS, opened.engine.checkedWhatAnswers());
    await opened.engine.start({
      schedule: true,
      watchSince,
      apply: () => asServer.applyProject({ isAutomatic: true }),
      housekeeping: true,
      readyProcesses,
    });
    phase = "ok";
    await announce(folder, server, log);
    await requirePipelines(opened.engine, invocation.list("run"));
    await greet(server, invocation, context);
    void warnOfKeys(opened, log);
    // Waits for the pipelines' own checks, and for no one else.
    void triggerAtStart(asServer, invocation.list("run"), log);
    await signals.stopped;
    phase = "draining";
    await signals.whileDraining((stopNow) => finishRuns(opened.engine, settings.drainMs, stopNow, log));
  } finally {
    await server.close();
  }
  return 0;
};

/** A key that is not here stops nothing by itself: whoever needs it is told again. */
async function warnOfKeys(opened: OpenedEngine, log: Log): Promise<void> {
  try {
    const { problem } = await (await opened.secrets()).keys();
    if (problem !== null) log("error", problem);
  } catch (error) {
    log("debug", "the keys could not be looked at", { error: toAppError(error).message });
  }
}

/** Whoever sits between could read passwords and tokens, and everything that the pages show. */
function warnOfPlainHttp({ host, tls, proxy }: ServeSettings, log: Log): void {
  if (tls !== undefined || proxy.trustProxy || isThisMachine(host)) return;
  log(
    "warn",
    "The server speaks plain HTTP with other machines: give it a certificate (--tls-cert, --tls-key), or put a proxy with " +
      "TLS before it (--trust-proxy)" +
      (proxy.allowsPlainHttp ? "" : "; over plain HTTP nobody signs in from elsewhere"),
    { host },
  );
}

/** Longer than any sound project's SQL takes. */
const APPLY_GRACE_MS = 10_000;

/** Returns when the work is done or the time is up; the work goes on. */
async function atMost(timeMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeMs);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

/** A disk without room for the note must not keep the server from serving: commands then find no server. */
async function announce(folder: DataFolder, server: ListeningServer, log: Log): Promise<void> {
  try {
    const { url, socket, localToken: token } = server;
    await folder.announce({ url, token, ...(socket === undefined ? {} : { socket }) });
  } catch (error) {
    log("error", `Commands on this machine will not find the server: ${toAppError(error).message}`);
  }
}

/**
 * Lets runs under way end, for so long at most. The server serves meanwhile: what is asked for is queued and what is
 * posted kept, for its next start.
 */
async function finishRuns(
  engine: LocalEngine,
  drainMs: number,
  stopNow: AbortSignal,
  log: Log,
): Promise<void> {
  const { running } = await engine.server.status();
  if (running > 0 && drainMs > 0) {
    log(
      "info",
      `Stopping: ${formatPlural(running, "run")} under way may end within ${formatDuration(drainMs)}; ` +
        "another signal stops them now",
    );
  }
  const waiting = new AbortController();
  const timeIsUp = new AbortController();
  // Of any length: setTimeout takes 25 days at most, and anything longer for nothing.
  void systemClock.sleep(drainMs, waiting.signal).then(() => timeIsUp.abort());
  const left = await engine.finishRuns(AbortSignal.any([stopNow, timeIsUp.signal]));
  waiting.abort();
  log("info", left === 0 ? "Stopping" : "Stopping; runs under way go on at the next start");
}

/** Where to sign in and with what; a first token is printed before it counts as shown. */
async function greet(
  server: ListeningServer,
  invocation: Invocation,
  context: CliContext,
): Promise<void> {
  const { terminal, program, env } = context;
  const isEverywhere = ["0.0.0.0", "::"].includes(invocation.text("host") ?? "");
  const also = isEverywhere ? " and every other address of this machine" : "";
  terminal.out(`Sluice ${program.version} serves ${server.url}${also}`);
  const { firstToken, signInUrl } = server;
  if (firstToken !== undefined) {
    terminal.out(`Sign in at ${signInUrl} with this token, which is shown this once: ${firstToken.token}`);
    await firstToken.shown();
  } else if (env(ENV_TOKEN_NAME)) {
    terminal.out(`Sign in at ${signInUrl} with the token in ${ENV_TOKEN_NAME}`);
  } else {
    terminal.out(`Sign in at ${signInUrl} with a token that you have`);
    const another = commandText("tokens create NAME --role admin", context, invocation);
    terminal.out(`${another} makes another`);
  }
}

/**
 * What is wrong is logged and shown on the pages; the rest of the project, or its last good state, is served.
 */
async function applyAtStart(engine: Pick<Engine, "applyProject">, log: Log): Promise<void> {
  try {
    const { faults } = await engine.applyProject({ isAutomatic: true });
    for (const fault of faults) log(fault.severity === "error" ? "error" : "warn", formatFault(fault));
  } catch (error) {
    const { code, message } = toAppError(error);
    // A server that stops is checked again at its next start.
    if (code !== "cancelled") log("error", `The project's files cannot be applied: ${message}`);
  }
}

/** Throws `not_found`, with the name that was likely meant: a misspelt `--run` would wait for ever. */
async function requirePipelines(engine: LocalEngine, pipelines: readonly string[]): Promise<void> {
  for (const pipeline of pipelines) await engine.getPipeline(pipeline);
}

/** A pipeline that cannot start, as one with faults, does not keep the server from serving. */
async function triggerAtStart(
  engine: Pick<Engine, "triggerRun">,
  pipelines: readonly string[],
  log: Log,
): Promise<void> {
  await Promise.all(pipelines.map(async (pipeline) => {
    try {
      await engine.triggerRun(pipeline, { trigger: "start" });
    } catch (error) {
      log("error", `Cannot run ${pipeline}: ${toAppError(error).message}`);
    }
  }));
}
