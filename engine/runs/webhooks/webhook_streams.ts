import * as v from "valibot";
import { ownKeys, type PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import { WEBHOOK_CONNECTOR } from "../../../contract/triggers/webhooks.ts";
import type { PublishedFolder } from "../streams/published.ts";

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

/** How far all streams of a webhook are; 0 where that is not known, or where it has none. */
export async function committedSeq(
  streams: Pick<PublishedFolder<CommittedStream>, "get">,
  pipeline: string,
  definition: Pick<PipelineDefinition, "extract"> | undefined,
  webhook: string,
): Promise<number> {
  const names = definition === undefined ? [] : streamsOf(definition, webhook).map(([stream]) => stream);
  if (names.length === 0) return 0;
  const seqs = await Promise.all(names.map(async (name) => {
    const state = v.safeParse(stateSchema, (await streams.get(pipeline, name))?.state);
    return state.success ? state.output.seq : 0;
  }));
  return Math.min(...seqs);
}

const stateSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ seq: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
);
