import type { SignContext, SignRequest } from "../../../contract/script/sluice.d.ts";
import {
  numbered,
  REPORT,
  type ScriptFailure,
  type SignableHead,
  type SignatureText,
} from "../sandbox/frames.ts";
import { RowError } from "./cell.ts";
import type { Channel } from "./channel.ts";

type Sign = (request: SignRequest) => Promise<SignatureText>;

/** Has the script sign the requests that the run's process is about to send. */
export class Signing {
  readonly #channel: Channel;
  /** The first request may come before the module is there. */
  readonly #sign = Promise.withResolvers<Sign>();
  #failureOf: (error: unknown) => ScriptFailure = () => {
    throw new Error("nothing is signed yet");
  };

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Throws RowError where the module has no function. */
  begin(
    loaded: unknown,
    { secret, log, signal }: SignContext,
    failureOf: (error: unknown) => ScriptFailure,
  ): void {
    const sign = typeof loaded === "object" && loaded !== null && "default" in loaded
      ? loaded.default
      : undefined;
    if (typeof sign !== "function") {
      throw new RowError(
        "it has no function to call: a script that signs is `export default async function (request, ctx) { return { headers } }`",
      );
    }
    const context: SignContext = Object.freeze({ secret, log, signal });
    this.#failureOf = failureOf;
    this.#channel.sendBytes(REPORT.ready, new Uint8Array());
    this.#sign.resolve(async (request) => textOf(await sign(request, context)));
  }

  /** A request's number, head and body. */
  async take(payload: Uint8Array): Promise<void> {
    const view = new DataView(payload.buffer, payload.byteOffset);
    const id = view.getUint32(0, true);
    const sign = await this.#sign.promise;
    try {
      const size = view.getUint32(4, true);
      const head: SignableHead = JSON.parse(new TextDecoder().decode(payload.subarray(8, 8 + size)));
      this.#send(REPORT.signed, id, await sign(requestOf(head, payload.slice(8 + size))));
    } catch (error) {
      this.#send(REPORT.unsigned, id, this.#failureOf(error));
    }
  }

  #send(kind: number, id: number, value: unknown): void {
    this.#channel.sendBytes(kind, numbered(id, new TextEncoder().encode(JSON.stringify(value))));
  }
}

function requestOf(
  { method, url, headers, nowMs }: SignableHead,
  body: Uint8Array<ArrayBuffer>,
): SignRequest {
  return Object.freeze({
    method,
    url: new URL(url),
    headers: new Headers(Object.entries(headers)),
    body,
    get text() {
      return new TextDecoder().decode(body);
    },
    now: new Date(nowMs),
  });
}

/** Throws RowError for what is no signature. */
function textOf(given: unknown): SignatureText {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new RowError("its function is to return { headers }, { params } or { url }");
  }
  const { headers = {}, params = {}, url = null, ...more } = Object.fromEntries(Object.entries(given));
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) {
    throw new RowError(`it returned ${unknown}: a signature has headers, params or url`);
  }
  return {
    headers: Object.fromEntries(pairsOf("headers", headers).map(([name, value]) => [name, String(value)])),
    params: Object.fromEntries(
      pairsOf("params", params).map((
        [name, value],
      ) => [name, Array.isArray(value) ? value.map(String) : String(value)]),
    ),
    url: url === null ? null : String(url),
  };
}

function pairsOf(key: string, given: unknown): [string, unknown][] {
  if (given instanceof Headers || given instanceof URLSearchParams) return [...given];
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new RowError(`the ${key} that it returned are to be an object of texts`);
  }
  const pairs = Object.entries(given);
  const wrong = pairs.find(([, value]) =>
    ![value].flat().every((one) => ["string", "number", "boolean"].includes(typeof one))
  );
  if (wrong !== undefined) throw new RowError(`the ${key} that it returned: ${wrong[0]} is to be a text`);
  return pairs;
}
