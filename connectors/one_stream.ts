import type { StreamRequest } from "../contract/connector/source.ts";
import { AppError } from "../contract/errors.ts";

/** The one stream of a read, for sources that read each by itself. */
export function onlyStream<Stream>(streams: readonly StreamRequest<Stream>[]): StreamRequest<Stream> {
  const [stream, other] = streams;
  if (stream === undefined || other !== undefined) {
    throw new AppError("internal", `Cannot read ${streams.length} streams together: one at a time`);
  }
  return stream;
}
