import type { ConnectorContext } from "../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { ScriptUse } from "./options.ts";
import { FrameFault } from "./sandbox/frame_fault.ts";
import {
  headAndBody,
  numbered,
  ORDER,
  REPORT,
  type SignableHead,
  type SignatureText,
} from "./sandbox/frames.ts";
import { LogReports } from "./sandbox/log_reports.ts";
import { parseReport, scriptError } from "./sandbox/reports.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { orderOf, startScript } from "./start.ts";

/** From the start of its process to the first signature, on a machine that is busy. */
const START_MS = 60_000;

/**
 * Has a script sign requests: one sandbox for all of them, started with the first. `limits.timeoutMs` is that of one
 * signature; where one fails in a way that ends the sandbox, the next one has another.
 */
export class ScriptSigner implements AsyncDisposable {
  readonly #context: ConnectorContext;
  readonly #use: ScriptUse;
  #running: Promise<RunningSigner> | undefined;

  constructor(context: ConnectorContext, use: ScriptUse) {
    this.#context = context;
    this.#use = use;
  }

  /** Throws `invalid` with file and line for what the script throws, `timeout`, and what starting a sandbox throws. */
  async sign(head: SignableHead, body: Uint8Array): Promise<SignatureText> {
    const running = this.#running ??= RunningSigner.start(this.#context, this.#use);
    try {
      return await (await running).sign(head, body);
    } finally {
      const isGone = await running.then(({ isEnded }) => isEnded, () => true);
      if (isGone && this.#running === running) {
        this.#running = undefined;
        await running.then((signer) => signer[Symbol.asyncDispose](), () => {});
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.then((running) => running[Symbol.asyncDispose](), () => {});
  }
}

class RunningSigner implements AsyncDisposable {
  readonly #context: ConnectorContext;
  readonly #use: ScriptUse;
  readonly #sandbox: Sandbox;
  readonly #waiting = new Map<number, PromiseWithResolvers<SignatureText>>();
  readonly #logs = new LogReports();
  readonly #read: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  #lastId = 0;
  /** Why nothing is signed any more. */
  #end: AppError | undefined;

  private constructor(context: ConnectorContext, use: ScriptUse, sandbox: Sandbox) {
    this.#context = context;
    this.#use = use;
    this.#sandbox = sandbox;
    this.#ready.promise.catch(() => {});
    this.#read = this.#follow();
  }

  static async start(context: ConnectorContext, use: ScriptUse): Promise<RunningSigner> {
    const order = await orderOf(context, use, "signer", {});
    // It lives as long as its connection.
    const limits = { ...use.limits, timeoutMs: null };
    return new RunningSigner(
      context,
      use,
      await startScript(context, { ...use, limits }, order, context.signal),
    );
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  async sign(head: SignableHead, body: Uint8Array): Promise<SignatureText> {
    const { script, limits } = this.#use;
    const timeoutMs = Math.min(limits.timeoutMs, this.#context.sandbox?.most?.timeoutMs ?? Infinity);
    await this.#within(START_MS, `${script} was not ready to sign`, this.#ready.promise);
    if (this.#end !== undefined) throw this.#end;
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<SignatureText>();
    this.#waiting.set(id, waiting);
    // A script that does not read is not waited for.
    void this.#sandbox.send(ORDER.sign, numbered(id, headAndBody(head, body)));
    try {
      return await this.#within(timeoutMs, `${script} has not signed a request`, waiting.promise);
    } finally {
      this.#waiting.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox[Symbol.asyncDispose]();
    await this.#read;
  }

  async #within<T>(timeMs: number, what: string, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() =>
      this.#fail(
        new AppError("timeout", `${what} after ${timeMs / 1000} s and was killed: raise its timeout`),
      ), timeMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  async #follow(): Promise<void> {
    try {
      for (;;) {
        const { kind, payload } = await this.#sandbox.next();
        this.#take(kind, payload);
      }
    } catch (error) {
      this.#fail(error instanceof FrameFault ? this.#sandbox.garbled(error) : toAppError(error));
    }
  }

  /** Throws FrameFault, and why the script cannot go on. */
  #take(kind: number, payload: Uint8Array): void {
    const { script } = this.#use;
    switch (kind) {
      case REPORT.log:
        for (const { level, message } of this.#logs.take(parseReport("log", payload))) {
          this.#context.log(level, message);
        }
        return;
      case REPORT.ready:
        return this.#ready.resolve();
      case REPORT.failure:
        throw lasting(scriptError(script, parseReport("failure", payload)));
      case REPORT.signed:
      case REPORT.unsigned: {
        if (payload.length < 4) throw new FrameFault("a signature without a number");
        const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
        const waiting = this.#waiting.get(id);
        const rest = payload.subarray(4);
        if (kind === REPORT.signed) waiting?.resolve(parseReport("signature", rest));
        else waiting?.reject(lasting(scriptError(script, parseReport("failure", rest))));
        return;
      }
      default:
        throw new FrameFault("a frame of an unknown kind");
    }
  }

  #fail(error: AppError): void {
    this.#end ??= error;
    this.#ready.reject(this.#end);
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    void this.#sandbox[Symbol.asyncDispose]();
  }
}

/** The same request is signed the same way a moment later: what a script throws is not tried again. */
const lasting = ({ message, detail, reason }: AppError): AppError =>
  new AppError("invalid", message, {
    ...(detail === undefined ? {} : { detail }),
    ...(reason === undefined ? {} : { reason }),
  });
