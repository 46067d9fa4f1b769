import * as v from "valibot";
import type { ConnectorContext } from "../../contract/connector/connector.ts";
import { AppError } from "../../contract/errors.ts";
import type { SignableRequest, SignedRequest } from "../locations/http/signed_request.ts";
import { signerOf } from "../script/options.ts";
import { ScriptSigner } from "../script/signer.ts";
import { headerValue, type ScriptAuth } from "./auth.ts";
import { headerName } from "./config.ts";

/** Has a script of the project sign requests, and lets it change nothing else of them. */
export class RequestSigner implements AsyncDisposable {
  readonly #context: ConnectorContext;
  readonly #script: string;
  readonly #signer: ScriptSigner;

  constructor(auth: ScriptAuth, context: ConnectorContext) {
    this.#context = context;
    this.#script = auth.script;
    this.#signer = new ScriptSigner(context, signerOf(auth));
  }

  /** What is to be sent in the place of the request. Throws `invalid` with the script's file and line, and `timeout`. */
  async sign({ method, url, headers, body }: SignableRequest): Promise<SignedRequest> {
    const unsigned = new URL(url);
    unsigned.hash = "";
    const { headers: more, params, url: changed } = await this.#signer.sign(
      {
        method,
        url: unsigned.href,
        headers: { ...Object.fromEntries(headers), host: unsigned.host },
        nowMs: this.#context.clock.now(),
      },
      new TextEncoder().encode(body ?? ""),
    );
    const signed = new Headers(headers);
    for (const [name, value] of Object.entries(more)) {
      const isHeader = v.is(headerName, name) && v.is(headerValue, value) && isBytes(value);
      if (!isHeader) {
        throw this.#fault(`returned a header ${JSON.stringify(name.slice(0, 100))} that cannot be sent`);
      }
      signed.set(name, value);
    }
    const target = changed === null ? unsigned : this.#changed(unsigned, changed);
    const added = Object.entries(params).flatMap(([name, values]) =>
      [values].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    );
    // What is there stays as it was signed, to the letter.
    if (added.length > 0) {
      target.search = [target.search.slice(1), ...added].filter((part) => part !== "").join("&");
    }
    return { url: target, headers: signed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#signer[Symbol.asyncDispose]();
  }

  #changed(from: URL, text: string): URL {
    const url = URL.parse(text);
    const isSame = url !== null && url.origin === from.origin && url.pathname === from.pathname &&
      url.username === "" && url.password === "";
    if (!isSame) {
      throw this.#fault(
        `returned another address than ${from.origin}${from.pathname}; it may change the query alone`,
      );
    }
    url.hash = "";
    return url;
  }

  #fault(what: string): AppError {
    return new AppError("invalid", `${this.#script}: the signature of a request cannot be used: it ${what}`);
  }
}

/** A header's value is of bytes. */
const isBytes = (text: string): boolean => /^[\x20-\x7e\x80-\xff\t]*$/.test(text);
