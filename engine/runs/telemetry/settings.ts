import type { Variables } from "../../../contract/settings/variables.ts";

/** Where what is known of runs is sent to, by the variables that OpenTelemetry and OpenLineage have for it. */

export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export interface TraceSettings {
  /** Of the collector's traces, as http://localhost:4318/v1/traces. */
  readonly url: string;
  readonly sampler: (typeof SAMPLERS)[number];
  /** Of `traceidratio`: which share of the traces is sent, from 0 to 1. */
  readonly ratio: number;
}

/** https://openlineage.io/docs/client/python/#environment-variables */
export interface LineageSettings {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Of jobs. */
  readonly namespace: string;
}

export interface TelemetrySettings {
  readonly traces?: TraceSettings;
  readonly lineage?: LineageSettings;
  /** What is wrong with the variables: nothing is sent where they are not understood. */
  readonly faults: readonly string[];
}

/** `plainFault` says what is wrong with sending a secret to an address; nothing is, by default. */
export function readTelemetrySettings(
  env: Variables,
  plainFault: (address: string) => string | undefined = () => undefined,
): TelemetrySettings {
  const faults: string[] = [];
  const read: Variables = (name) => env(name)?.trim() || undefined;
  const covered = <S extends { readonly url: string }>(
    name: string,
    settings: S | undefined,
    secret?: string,
  ) => {
    if (settings === undefined || (secret === undefined && new URL(settings.url).username === "")) {
      return settings;
    }
    const fault = plainFault(settings.url);
    if (fault === undefined) return settings;
    faults.push(`${name} has a secret with it and ${fault}. Nothing is sent there`);
    return undefined;
  };
  const traces = covered("OTEL_EXPORTER_OTLP_ENDPOINT", readTraces(read, faults));
  const named = readLineage(read, faults);
  const lineage = covered("OPENLINEAGE_URL", named, named?.apiKey);
  return {
    ...(traces === undefined ? {} : { traces }),
    ...(lineage === undefined ? {} : { lineage }),
    faults,
  };
}

/** An address as messages show it: without what may be a password in it. */
export function shownAddress(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function readTraces(env: Variables, faults: string[]): TraceSettings | undefined {
  if (env("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const exporter = env("OTEL_TRACES_EXPORTER") ?? "otlp";
  if (exporter === "none") return undefined;
  const own = readUrl(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", faults);
  const common = readUrl(env, "OTEL_EXPORTER_OTLP_ENDPOINT", faults);
  if (own === undefined && common === undefined) return undefined;
  if (exporter !== "otlp") {
    faults.push(`OTEL_TRACES_EXPORTER is "${exporter}", expected otlp or none: no traces are sent`);
    return undefined;
  }
  const [name, protocol] = (["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] as const)
    .map((variable) => [variable, env(variable)] as const).find(([, value]) => value !== undefined) ?? [];
  if (protocol !== undefined && protocol !== "http/protobuf") {
    faults.push(
      `${name} is "${protocol}", and traces are sent by http/protobuf alone: set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ` +
        "to that, and the endpoint to the collector's port for it, which is 4318 as a rule. No traces are sent",
    );
    return undefined;
  }
  return {
    url: own ?? `${common?.replace(/\/$/, "")}/v1/traces`,
    ...readSampler(env, faults),
  };
}

/** One that is not known is by the standard as if none were named. */
function readSampler(env: Variables, faults: string[]): Pick<TraceSettings, "sampler" | "ratio"> {
  const named = env("OTEL_TRACES_SAMPLER");
  const sampler = SAMPLERS.find((known) => known === named?.toLowerCase());
  if (named !== undefined && sampler === undefined) {
    faults.push(`OTEL_TRACES_SAMPLER is "${named}", expected one of ${SAMPLERS.join(", ")}: all are sent`);
  }
  const text = env("OTEL_TRACES_SAMPLER_ARG");
  const ratio = Number(text ?? 1);
  if (ratio >= 0 && ratio <= 1) return { sampler: sampler ?? "parentbased_always_on", ratio };
  if (sampler?.endsWith("traceidratio")) {
    faults.push(`OTEL_TRACES_SAMPLER_ARG is "${text}", expected a number from 0 to 1: all are sent`);
  }
  return { sampler: sampler ?? "parentbased_always_on", ratio: 1 };
}

function readLineage(env: Variables, faults: string[]): LineageSettings | undefined {
  if (env("OPENLINEAGE_DISABLED")?.toLowerCase() === "true") return undefined;
  const url = readUrl(env, "OPENLINEAGE_URL", faults);
  if (url === undefined) return undefined;
  const endpoint = env("OPENLINEAGE_ENDPOINT") ?? "api/v1/lineage";
  return {
    url: `${url.replace(/\/$/, "")}/${endpoint.replace(/^\//, "")}`,
    apiKey: env("OPENLINEAGE_API_KEY"),
    namespace: env("OPENLINEAGE_NAMESPACE") ?? "sluice",
  };
}

function readUrl(env: Variables, name: string, faults: string[]): string | undefined {
  const text = env(name);
  if (text === undefined) return undefined;
  if (/^https?:\/\/[^\s/?#]/i.test(text) && URL.canParse(text)) return text;
  // The text may have a password in it.
  faults.push(`${name} is no address as http://localhost:4318: nothing is sent there`);
  return undefined;
}
