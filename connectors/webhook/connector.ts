import * as v from "valibot";
import type { Connector } from "../../contract/connector/connector.ts";
import { streamSchema, type WebhookStream } from "./options.ts";

const configSchema = v.strictObject({});

/** Rows that other systems post. Every project has it under its own name, without an entry. */
export const webhook = {
  name: "webhook",
  description:
    "Rows that other systems post to the pipeline's webhooks, as JSON, NDJSON, CSV, forms or Arrow: see docs/pipelines.md.",
  configSchema,
  streamSchema,
  loadModes: [],
  isScanned: () => true,
  async checkPosted({ options }, { contentType, body }, signal) {
    const { checkBody } = await import("./body.ts");
    await checkBody(contentType, body, options, signal);
  },
  secrets: () => [],
  access: () => ({ hosts: [], read: [], write: [] }),
  async open(_, context) {
    const { webhookSource } = await import("./source.ts");
    return {
      unasked: "others post to it",
      source: webhookSource(context),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
} satisfies Connector<Record<string, never>, WebhookStream>;
