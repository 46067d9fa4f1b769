/** A collector of traces over HTTP, which reads what it gets as the protocol's own messages. */

const PATIENCE_MS = 120_000;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  /** 1 internal, 3 client. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 2 error. */
  readonly statusCode: number;
  readonly statusMessage: string;
}

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: Headers;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
  readonly spans: readonly ReceivedSpan[];
}

/** Answers as it is told, one request after the other; then it takes all. */
export class OtlpReceiver implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #held = Promise.withResolvers<void>();
  #waiting: { readonly isEnough: () => boolean; readonly resolve: () => void }[] = [];

  constructor(answers: readonly (Response | "hang")[] = [], port = 0) {
    const rest = [...answers];
    this.#server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      const answer = rest.shift() ?? new Response(new Uint8Array(), {
        headers: { "content-type": "application/x-protobuf" },
      });
      this.requests.push({
        path: new URL(request.url).pathname,
        headers: request.headers,
        ...readRequest(body),
      });
      this.#waiting = this.#waiting.filter(({ isEnough, resolve }) => !isEnough() || resolve());
      if (answer !== "hang") return answer;
      await this.#held.promise;
      return new Response();
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get spans(): readonly ReceivedSpan[] {
    return this.requests.flatMap(({ spans }) => spans);
  }

  /** Returns when there were so many requests; throws where there are not within half a minute. */
  async until(requests: number): Promise<void> {
    if (this.requests.length >= requests) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ isEnough: () => this.requests.length >= requests, resolve });
    const timer = setTimeout(() => reject(new Error(`${this.requests.length} requests came`)), PATIENCE_MS);
    await promise.finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.resolve();
    await this.#server.shutdown();
  }
}

/** The fields of one message, by their numbers: https://protobuf.dev/programming-guides/encoding/ */
class Message {
  readonly #fields = new Map<number, (bigint | Uint8Array)[]>();

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n;; shift += 7n) {
        const byte = bytes[at] ?? 0;
        at += 1;
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = Number(varint());
      const [field, wire] = [tag >> 3, tag & 7];
      let value: bigint | Uint8Array;
      if (wire === 0) value = varint();
      else if (wire === 1) value = view.getBigUint64((at += 8) - 8, true);
      else if (wire === 5) value = BigInt(view.getUint32((at += 4) - 4, true));
      else {
        const length = Number(varint());
        value = bytes.subarray(at, at += length);
      }
      this.#fields.set(field, [...this.#fields.get(field) ?? [], value]);
    }
  }

  bytes(field: number): Uint8Array {
    return this.#all(field).find((value) => value instanceof Uint8Array) ?? new Uint8Array();
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field));
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  number(field: number): bigint {
    return this.#all(field).find((value) => typeof value === "bigint") ?? 0n;
  }

  messages(field: number): Message[] {
    return this.#all(field).flatMap((value) => value instanceof Uint8Array ? [new Message(value)] : []);
  }

  #all(field: number): readonly (bigint | Uint8Array)[] {
    return this.#fields.get(field) ?? [];
  }
}

/** ExportTraceServiceRequest of opentelemetry-proto. */
function readRequest(body: Uint8Array): Pick<ReceivedRequest, "resource" | "spans"> {
  const [resourceSpans = new Message(new Uint8Array())] = new Message(body).messages(1);
  return {
    resource: attributesOf(resourceSpans.messages(1).flatMap((resource) => resource.messages(1))),
    spans: resourceSpans.messages(2).flatMap((scope) => scope.messages(2)).map(readSpan),
  };
}

function readSpan(span: Message): ReceivedSpan {
  const [status] = span.messages(15);
  const milliseconds = (field: number) => Number(span.number(field) / 1_000_000n);
  return {
    traceId: span.bytes(1).toHex(),
    id: span.bytes(2).toHex(),
    parentId: span.bytes(4).toHex(),
    name: span.text(5),
    kind: Number(span.number(6)),
    startMs: milliseconds(7),
    endMs: milliseconds(8),
    attributes: attributesOf(span.messages(9)),
    links: span.messages(13).map((link) => ({
      traceId: link.bytes(1).toHex(),
      spanId: link.bytes(2).toHex(),
    })),
    statusMessage: status?.text(2) ?? "",
    statusCode: Number(status?.number(3) ?? 0n),
  };
}

function attributesOf(pairs: readonly Message[]): Record<string, string | number | boolean> {
  return Object.fromEntries(pairs.map((pair) => {
    const [value = new Message(new Uint8Array())] = pair.messages(2);
    if (value.has(2)) return [pair.text(1), value.number(2) === 1n];
    if (value.has(3)) return [pair.text(1), Number(value.number(3))];
    if (value.has(4)) return [pair.text(1), doubleOf(value.number(4))];
    return [pair.text(1), value.text(1)];
  }));
}

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
