import type { Context } from "hono";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { Judge, WebhookReceiver } from "../../engine/runs/webhooks/receive.ts";
import { AttemptLimit } from "../auth/attempt_limit.ts";
import type { AppEnv } from "../http/app_env.ts";
import { tooManyAttempts } from "../http/too_many.ts";

/** Where webhooks are posted to; no token is asked for there, but what the webhook says. */
export const HOOK_PATH = "/hooks/:pipeline/:name";

export interface HookOptions {
  readonly webhooks: Pick<WebhookReceiver, "receive">;
  readonly addressOf: (c: Context) => string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * `POST /hooks/:pipeline/:name`: 202 once the body is on the disk. Guessing secrets is slow, as guessing tokens is: see
 * AttemptLimit.
 */
export function createHooks({ webhooks, addressOf, clock, log }: HookOptions) {
  const limit = new AttemptLimit<true>({
    clock,
    onFailure: (address, isLimited) =>
      log(
        "warn",
        isLimited
          ? "An address is slowed down: too many of its posts to webhooks were not signed as they have to be"
          : "A post to a webhook was not signed as it has to be; more of this address in the next minutes are not logged",
        { address },
      ),
  });
  const judgeOf = (address: string): Judge => async (key, isSigned) => {
    // Nobody guesses a signature: what is signed never waits for others.
    if (key === undefined && isSigned()) return true;
    const find = () => Promise.resolve(isSigned() || undefined);
    const attempt = await limit.attempt(address, key ?? crypto.randomUUID(), find);
    if (attempt.kind !== "limited") return attempt.kind === "known";
    throw tooManyAttempts(`posts from ${address} were not signed as they have to be`, attempt.waitMs);
  };
  return async (c: Context<AppEnv>): Promise<Response> => {
    const { pipeline = "", name = "" } = c.req.param();
    const headers = Object.fromEntries(c.req.raw.headers);
    const body = new Uint8Array(await c.req.arrayBuffer());
    const signal = c.env?.signal ?? c.req.raw.signal;
    const { seq, isRepeat } = await webhooks.receive(pipeline, name, { headers, body }, {
      judge: judgeOf(addressOf(c)),
      signal,
    });
    return c.json({ delivery: seq, repeated: isRepeat }, 202);
  };
}
