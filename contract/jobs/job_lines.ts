import { AppError } from "../errors.ts";

/** No report comes near this; a longer line is a process gone mad. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024;

/** Lines of a byte stream of UTF-8, without their ends. Throws `internal` where one has no end in sight. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = decoder.decode(chunk, { stream: true }).split("\n");
    parts[0] = rest + (parts[0] ?? "");
    rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE_LENGTH) {
      throw new AppError("internal", "A line of a run's process is too long");
    }
    yield* parts;
  }
  if (rest !== "") yield rest;
}
