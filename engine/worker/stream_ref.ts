import type { StreamRef } from "../../contract/connector.ts";
import type { StreamDefinition } from "../../contract/pipeline.ts";

/** The stream's address as connectors take it. */
export function streamRef(name: string, stream: StreamDefinition): StreamRef {
  return {
    name,
    options: stream.options,
    ...(stream.stream === undefined ? {} : { stream: stream.stream }),
    ...(stream.query === undefined ? {} : { query: stream.query }),
    ...(stream.path === undefined ? {} : { path: stream.path }),
  };
}
