import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { Hono } from "hono";
import { toAppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { AppEnv } from "./app_env.ts";
import type { BodyBudget } from "./body_budget.ts";
import { toRequest } from "./node_request.ts";
import { sendResponse } from "./node_response.ts";
import { problemResponse } from "./problem.ts";

export interface ServeContext {
  readonly closing: AbortSignal;
  readonly stallMs: number;
  readonly log: Log;
  /** Bounds what bodies take; nothing does without it. */
  readonly bodies?: BodyBudget;
}

/** Has the app respond to a request of node's. Never throws: what goes wrong is logged. */
export async function serveRequest(
  app: Hono<AppEnv>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { closing, stallMs, log, bodies }: ServeContext,
): Promise<void> {
  incoming.on("error", () => {});
  outgoing.on("error", () => {});
  const { remoteAddress } = incoming.socket;
  const { socket } = incoming;
  const isSecure = socket instanceof TLSSocket;
  const share = bodies?.open(remoteAddress ?? "unknown");
  outgoing.once("close", () => share?.release());
  try {
    const response = await respond(() =>
      app.fetch(toRequest(incoming, isSecure, share?.take), {
        ...(remoteAddress === undefined ? {} : { remoteAddress }),
        // Made when they are asked for: for few requests they are.
        get clientCertificate() {
          return isSecure ? fingerprintOf(socket) : undefined;
        },
        get signal() {
          return AbortSignal.any([goneSignal(outgoing), closing]);
        },
      })
    );
    // What is left of the body would be taken for the next request.
    if (!incoming.complete || closing.aborted) outgoing.setHeader("connection", "close");
    await sendResponse(response, outgoing, { stallMs });
  } catch (error) {
    if (!outgoing.destroyed) log("error", `A response broke off: ${toAppError(error).message}`);
    outgoing.destroy();
  }
}

/** The app renders its own errors: what is thrown here is about a request that never reached it. */
async function respond(ask: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await ask();
  } catch (error) {
    return problemResponse(toAppError(error), crypto.randomUUID());
  }
}

/** Of a certificate that no authority vouches for there is none. */
function fingerprintOf(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const { fingerprint256 }: { fingerprint256?: string } = socket.getPeerCertificate() ?? {};
  return fingerprint256?.replaceAll(":", "").toLowerCase();
}

function goneSignal(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (outgoing.destroyed) gone.abort();
  outgoing.once("close", () => gone.abort());
  return gone.signal;
}
