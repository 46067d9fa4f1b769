import type { PipelineDefinition } from "./pipeline.ts";
import type { StreamDefinition } from "./stream.ts";

type Extract = Pick<PipelineDefinition, "extract">;

/** The connectors whose logs the definition's streams follow, in the order of its streams. */
export function followedConnectors({ extract }: Extract): readonly string[] {
  const followed = Object.values(extract).flatMap((stream) => isFollowed(stream) ? [stream.connector] : []);
  return [...new Set(followed)];
}

/** The streams that follow the connector's log, by name, in the order of the definition. */
export function followedStreams(
  { extract }: Extract,
  connector: string,
): readonly (readonly [name: string, stream: StreamDefinition])[] {
  return Object.entries(extract).filter(([, stream]) => isFollowed(stream) && stream.connector === connector);
}

const isFollowed = ({ mode, enabled }: StreamDefinition): boolean => mode === "cdc" && enabled !== false;
