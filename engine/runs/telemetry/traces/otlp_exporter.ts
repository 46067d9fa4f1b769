import {
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { TelemetryRefused } from "../refused.ts";
import type { TraceSettings } from "../settings.ts";
import type { SpanRecord, TraceRecord } from "./span_records.ts";

/** So many spans go with one request. */
const SPANS_A_REQUEST = 512;
/** Answers by which a collector says that it will never take this: what they are about is left out. */
const REFUSALS = new Set([400, 413, 415, 422]);

export interface OtlpExporter {
  /**
   * Returns when the collector has taken all that are sampled. Throws where it did not: TelemetryRefused where it never
   * will. Headers, timeout (10 s by default), compression and certificates are those of the environment.
   */
  export(traces: readonly TraceRecord[]): Promise<void>;
  /** Sends a request without a span. Throws likewise. */
  probe(): Promise<void>;
}

/** Loaded where traces are sent, and nowhere else. */
export function createOtlpExporter(settings: TraceSettings, version: string): OtlpExporter {
  const exporter = new OTLPTraceExporter({ url: settings.url });
  const finished: ReadableSpan[] = [];
  let nextIds = { traceId: "", spanId: "" };
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "sluice", "service.version": version })
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    sampler: samplerOf(settings),
    idGenerator: { generateTraceId: () => nextIds.traceId, generateSpanId: () => nextIds.spanId },
    spanProcessors: [{
      onStart() {},
      onEnd: (span) => void finished.push(span),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    }],
  });
  const tracer = provider.getTracer("sluice", version);

  const make = ({ traceId, parent, spans }: TraceRecord): void => {
    const outside = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote(parent));
    const contexts = new Map<string, Context>();
    for (const record of spans) {
      nextIds = { traceId, spanId: record.id };
      const context = contexts.get(record.parentId ?? "") ?? outside;
      const span = tracer.startSpan(record.name, optionsOf(record), context);
      if (record.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: record.error });
      contexts.set(record.id, trace.setSpan(outside, span));
      span.end(record.endMs);
    }
  };
  const send = async (spans: ReadableSpan[]): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    exporter.export(spans, ({ error }) => error === undefined ? resolve() : reject(failureOf(error)));
    await promise;
  };
  return {
    probe: () => send([]),
    async export(traces) {
      finished.length = 0;
      for (const one of traces) make(one);
      const spans = finished.splice(0).filter((span) => isSampled(span.spanContext()));
      for (let at = 0; at < spans.length; at += SPANS_A_REQUEST) {
        await send(spans.slice(at, at + SPANS_A_REQUEST));
      }
    },
  };
}

const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0;

function remote({ traceId, spanId, isSampled }: NonNullable<TraceRecord["parent"]>): SpanContext {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return { traceId, spanId, traceFlags, isRemote: true };
}

function optionsOf({ kind, startMs, attributes, links = [] }: SpanRecord) {
  return {
    kind: kind === "client" ? SpanKind.CLIENT : SpanKind.INTERNAL,
    startTime: startMs,
    attributes: { ...attributes },
    links: links.map((context) => ({ context: { ...context, traceFlags: TraceFlags.SAMPLED } })),
  };
}

function samplerOf({ sampler, ratio }: TraceSettings): Sampler {
  const root = sampler.endsWith("always_off")
    ? new AlwaysOffSampler()
    : sampler.endsWith("traceidratio")
    ? new TraceIdRatioBasedSampler(ratio)
    : new AlwaysOnSampler();
  return sampler.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

/** Without what the collector has answered, which may repeat what it was sent. */
function failureOf(error: Error & { code?: unknown }): Error {
  const { code, message } = error;
  if (error.name === "OTLPExporterError" && code === undefined) {
    return new Error("it has asked for a pause (429, 502, 503 or 504)");
  }
  if (typeof code !== "number") return error;
  const words = `answered ${code}${message === "" ? "" : ` ${message}`}`;
  return REFUSALS.has(code) ? new TelemetryRefused(words) : new Error(words);
}
