import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { didYouMean } from "../../text/suggest.ts";
import { webhookOf } from "../runs/webhooks/webhook_streams.ts";
import type { PipelineFault } from "./check_pipeline.ts";

/** What is wrong with streams of webhooks: bodies are read once, and what becomes of them must fit to that. */
export function checkWebhooks({ extract, webhooks = {} }: PipelineDefinition): PipelineFault[] {
  return Object.entries(extract).flatMap(([name, stream]) => {
    const webhook = webhookOf(stream);
    if (webhook === undefined) return [];
    const path = ["extract", name];
    const { mode, update_key: updateKey, deletes } = stream;
    const error = (key: string, message: string): PipelineFault => (
      { path: [...path, key], at: "value", message, severity: "error" }
    );
    const names = Object.keys(webhooks);
    const unknown = `there is no webhook "${webhook}" in webhooks${didYouMean(webhook, names)}`;
    return [
      ...names.includes(webhook) ? [] : [error("webhook", unknown)],
      ...mode === "append" || mode === "incremental"
        ? []
        : [error("mode", `bodies of a webhook are read once: mode is append or incremental, not ${mode}`)],
      ...mode === "append" && updateKey !== undefined
        ? [error("update_key", "bodies of a webhook are told apart by themselves: leave out update_key")]
        : [],
      ...deletes === "ignore" ? [] : [error("deletes", "a webhook has no rows that could be gone")],
    ];
  });
}
