import type { Variables } from "../../../../contract/settings/variables.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import { probeLineage } from "../../../../engine/runs/telemetry/lineage/lineage_client.ts";
import {
  readTelemetrySettings,
  shownAddress,
  type TelemetrySettings,
} from "../../../../engine/runs/telemetry/settings.ts";
import { isTelemetryProblem } from "../../../../engine/runs/telemetry/sink_feed.ts";
import type { DoctorCheck } from "./doctor_check.ts";

/** Where this environment has traces and lineage sent: whether somebody takes them there. Nothing where it names no place. */
export async function checkTelemetry(
  env: Variables,
  version: string,
): Promise<DoctorCheck[]> {
  const settings = readTelemetrySettings(env);
  return [
    ...settings.faults.map((message): DoctorCheck => ({ check: "telemetry", state: "failed", message })),
    ...await checkTraces(settings, version),
    ...await checkLineage(settings),
  ];
}

/** What a server says of its own sending; nothing where all of it is taken. */
export async function telemetryProblems(alerts: Engine["alerts"]): Promise<DoctorCheck[]> {
  const open = await alerts.problems({ isOpen: true, limit: 500 });
  return open.filter(isTelemetryProblem).map(({ message, opened_at }) => ({
    check: "telemetry",
    state: "warning",
    message: `${message} (since ${opened_at})`,
  }));
}

async function checkTraces({ traces }: TelemetrySettings, version: string): Promise<DoctorCheck[]> {
  if (traces === undefined) return [];
  return [
    await asked("telemetry traces", traces.url, async () => {
      const { createOtlpExporter } = await import(
        "../../../../engine/runs/telemetry/traces/otlp_exporter.ts"
      );
      await createOtlpExporter(traces, version).probe();
    }),
  ];
}

async function checkLineage({ lineage }: TelemetrySettings): Promise<DoctorCheck[]> {
  if (lineage === undefined) return [];
  return [await asked("telemetry lineage", lineage.url, () => probeLineage(lineage))];
}

async function asked(check: string, url: string, ask: () => Promise<void>): Promise<DoctorCheck> {
  const address = shownAddress(url);
  try {
    await ask();
    return { check, state: "ok", message: `${address} answers` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { check, state: "failed", message: `${address} takes nothing: ${reason}` };
  }
}
