import { hostname } from "node:os";
import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { GrantContext } from "../../grants/provide.ts";
import { AlertReader } from "../../runs/alerts/alert_reader.ts";
import { AlertSender, type AlertSenderContext } from "../../runs/alerts/alert_sender.ts";
import { createAlertWay } from "../../runs/alerts/transports/alert_way.ts";
import type { Service } from "../../runs/service.ts";
import { Telemetry, type TelemetryContext } from "../../runs/telemetry/telemetry.ts";
import { AfterTriggers } from "../../runs/triggers/after.ts";
import { Sensors, type SensorsContext } from "../../runs/triggers/sensors.ts";
import { WebhookReceiver } from "../../runs/webhooks/receive.ts";
import { WebhookRuns, type WebhookRunsContext } from "../../runs/webhooks/webhook_runs.ts";
import type { Store } from "../../store/store.ts";
import { LocalAlerts } from "../alerts/local_alerts.ts";
import { LocalWebhooks } from "../webhooks/local_webhooks.ts";
import type { RunRequests } from "../run_requests.ts";

export interface BackgroundContext extends GrantContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly isAlone: boolean;
  readonly publicUrl?: string | undefined;
  /** Where other systems hear of runs, by what version of the program; nowhere by default. */
  readonly telemetry?: Pick<TelemetryContext, "settings" | "version"> | undefined;
  readonly deliveries: AlertSenderContext["figures"];
  readonly requests: RunRequests;
  /** The columns of a pipeline's raw tables and models. */
  readonly columns: TelemetryContext["columns"];
  /** How far streams are, as runs have reported it. */
  readonly streams: WebhookRunsContext["streams"];
  readonly lookForFiles: SensorsContext["look"];
  /** What is wrong with the disk of the data folder. */
  readonly lowDisk: () => string | undefined;
  /** What is wrong with the certificate that the server shows. */
  readonly certificateProblem?: (() => string | undefined) | undefined;
  readonly definitionsProblem?: (() => string | undefined) | undefined;
}

/** What reacts to runs, files and posts, and what is asked of it. */
export interface Background {
  readonly alerts: LocalAlerts;
  readonly receiver: WebhookReceiver;
  readonly webhooks: LocalWebhooks;
  readonly telemetry: Telemetry;
  /** All that a server has besides. */
  readonly services: readonly Service[];
  /** What is wrong with the server itself may have changed. */
  onServerProblem(): void;
}

export function createBackground(context: BackgroundContext): Background {
  const { store, clock, log, requests } = context;
  const sender = new AlertSender({
    store,
    clock,
    log,
    references: context.references,
    secretKeeping: context.secretKeeping,
    figures: context.deliveries,
    way: createAlertWay(context.egress, context.policy),
    isAlone: context.isAlone,
    publicUrl: context.publicUrl,
  });
  const webhookRuns = new WebhookRuns({
    store,
    clock,
    log,
    streams: context.streams,
    trigger: (pipeline, webhook, idempotencyKey, traceparent) =>
      requests.trigger(pipeline, {
        trigger: "webhook",
        triggeredBy: webhook,
        idempotencyKey,
        ...(traceparent === undefined ? {} : { traceparent }),
      }),
  });
  const receiver = new WebhookReceiver({
    ...context,
    secrets: context.references.secrets,
    onPost: () => webhookRuns.wake(),
  });
  const reader = new AlertReader({
    store,
    clock,
    log,
    onDelivery: () => sender.look(),
    serverProblem: {
      name: serverName(context),
      lowDisk: context.lowDisk,
      certificate: context.certificateProblem,
      definitions: context.definitionsProblem,
    },
  });
  return {
    onServerProblem: () => reader.lookAtTime(),
    alerts: new LocalAlerts({ store, clock, projectDir: context.projectDir, sender }),
    telemetry: new Telemetry({
      ...context,
      ...context.telemetry ?? { settings: { faults: [] }, version: "" },
    }),
    receiver,
    webhooks: new LocalWebhooks({ ...context, receiver }),
    services: [
      new Sensors({
        store,
        clock,
        log,
        look: context.lookForFiles,
        start: async (pipeline, request) => {
          await requests.trigger(pipeline, { trigger: "sensor", ...request });
        },
      }),
      new AfterTriggers({
        store,
        clock,
        log,
        start: async (pipeline, { windowEndMs, ...request }) => {
          await requests.trigger(pipeline, { trigger: "after", ...request }, windowEndMs);
        },
      }),
      reader,
      sender,
      webhookRuns,
    ],
  };
}

/** Several servers of one store are told apart by their machine and folder. */
const serverName = ({ isAlone, dataDir }: BackgroundContext): string =>
  isAlone ? "server" : `server ${hostname()}:${dataDir}`;
