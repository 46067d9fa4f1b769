import { resolve } from "node:path";
import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { Variables } from "../../../contract/settings/variables.ts";
import type { Service } from "../../runs/service.ts";
import type { Store } from "../../store/store.ts";
import { SERVER_ACTOR, systemUser } from "../../../contract/audit/actor.ts";
import type { AuditLog } from "./port.ts";
import { createAuditRetention } from "./retention.ts";
import { createFeed } from "./streams/feed.ts";
import { createFileSink } from "./streams/file_sink.ts";
import { createSyslogSink, readSyslogAddress, type SyslogAddress } from "./streams/syslog_sink.ts";
import type { AuditSink } from "./streams/sink.ts";
import { createRunLines } from "./run_lines.ts";

export interface ServerAuditContext {
  readonly audit: AuditLog;
  readonly store: Pick<Store, "audit" | "outbox">;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether no other server can work on the store: what was begun elsewhere is not going on. */
  readonly isAlone: boolean;
  readonly version: string;
  /** 0 for all. */
  readonly keepDays: number;
  /** Where lines go as they are written; nowhere by default. */
  readonly sinks: readonly AuditSink[];
}

/** Other servers of one store may still be at work on what is younger. */
const ABANDONED_MS = 86_400_000;

/**
 * What a server does for the audit log while it runs: tells of its start and its end, of what a server that was killed
 * has left undone, and of runs; removes what is too old. Disposing of it stops that.
 */
export async function startServerAudit(context: ServerAuditContext): Promise<AsyncDisposable> {
  const { audit, store, clock, log, isAlone, version, sinks } = context;
  const say = async (action: "server.start" | "server.stop") =>
    await audit.record({
      action,
      actor: SERVER_ACTOR,
      target: { kind: "server", name: "sluice" },
      details: { by: systemUser(), version, pid: Deno.pid },
    });
  try {
    // From here on: nobody is told of what was before somebody asked for it.
    for (const { name } of sinks) await store.audit.cursor(name);
    // Other servers of one store may have others.
    if (isAlone) await store.audit.keepReaders(sinks.map(({ name }) => name));
    await audit.settle(isAlone ? Number.MAX_SAFE_INTEGER : clock.now() - ABANDONED_MS);
  } catch (error) {
    // A full disk must not keep a server from starting.
    log("warn", "What an earlier server has left undone is not in the audit log yet", {
      error: toAppError(error).message,
    });
  }
  await say("server.start");
  const services: Service[] = [
    createRunLines({ audit, outbox: store.outbox, clock, log }),
    createAuditRetention({ ...context, store: store.audit }),
    ...sinks.map((sink) => createFeed({ store: store.audit, audit, sink, clock, log })),
  ];
  for (const service of services) service.start();
  return {
    async [Symbol.asyncDispose]() {
      await say("server.stop");
      for (const service of services.toReversed()) await service.stop();
    },
  };
}

/** What the variables SLUICE_AUDIT_FILE and SLUICE_AUDIT_SYSLOG name. Throws invalid. */
export async function auditSinks(env: Variables): Promise<AuditSink[]> {
  const [path, address] = [env("SLUICE_AUDIT_FILE"), env("SLUICE_AUDIT_SYSLOG")];
  return [
    ...(path ? [createFileSink(resolve(path))] : []),
    ...(address ? [createSyslogSink(await readSyslog(address, env("SLUICE_AUDIT_SYSLOG_CA")))] : []),
  ];
}

/** Throws invalid. */
async function readSyslog(address: string, path: string | undefined): Promise<SyslogAddress> {
  const syslog = readSyslogAddress(address);
  if (!path) return syslog;
  if (syslog.transport !== "tls") {
    throw new AppError(
      "invalid",
      "SLUICE_AUDIT_SYSLOG_CA is for an address of TLS: SLUICE_AUDIT_SYSLOG=tls://…",
    );
  }
  let authorities: string;
  try {
    authorities = await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read SLUICE_AUDIT_SYSLOG_CA from ${path}: ${reason}`, {
      cause: error,
    });
  }
  if (authorities.includes("-----BEGIN CERTIFICATE-----")) return { ...syslog, authorities };
  throw new AppError("invalid", `SLUICE_AUDIT_SYSLOG_CA names ${path}, which has no certificate in PEM`);
}
