/** One server-sent event, https://html.spec.whatwg.org/multipage/server-sent-events.html. */
export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * Parses a response's body as server-sent events. Comments, ids and retry hints are left out, and
 * so is an event that the end of the stream cut off.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncIterable<ServerSentEvent> {
  let type = "message";
  let data: string[] = [];
  for await (const line of readLines(body)) {
    if (line === "") {
      if (data.length > 0) yield { type, data: data.join("\n") };
      type = "message";
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") type = value;
    if (field === "data") data.push(value);
  }
}

/** Lines that end in CR, LF or both; one without an end is left out. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    rest += text;
    // A CR at the very end may be the first half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
