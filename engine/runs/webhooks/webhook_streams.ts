import { ownKeys, type PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { WEBHOOK_CONNECTOR } from "../../../contract/triggers/webhooks.ts";

/** The streams that read the bodies of a webhook, by name. */
export const streamsOf = (
  { extract }: Pick<PipelineDefinition, "extract">,
  webhook: string,
): readonly (readonly [string, StreamDefinition])[] =>
  Object.entries(extract).filter(([, stream]) => webhookOf(stream) === webhook);

/** The webhook that a stream reads; undefined for any other stream. */
export function webhookOf(stream: StreamDefinition): string | undefined {
  const { webhook } = ownKeys(stream);
  return stream.connector === WEBHOOK_CONNECTOR && typeof webhook === "string" ? webhook : undefined;
}
