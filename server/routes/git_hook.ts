import type { Context } from "hono";
import type { Clock } from "../../contract/clock.ts";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { isSignedPush } from "../../engine/runs/webhooks/signature.ts";
import { AttemptLimit } from "../auth/attempt_limit.ts";
import type { AppEnv } from "../http/app_env.ts";
import { tooManyAttempts } from "../http/too_many.ts";

/** Where a repository's server tells that something was pushed. */
export const GIT_HOOK_PATH = "/hooks/git";

export interface GitHook {
  /** Undefined where no webhook is taken. */
  readonly secret: string | undefined;
  /** Looks at the repository now. */
  pull(): void;
}

export interface GitHookOptions extends GitHook {
  readonly addressOf: (c: Context) => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** `POST /hooks/git`: 202, and the repository is looked at. What the post says is not read: it says only when to look. */
export function createGitHook({ secret, pull, addressOf, clock, log }: GitHookOptions) {
  const limit = new AttemptLimit<true>({
    clock,
    onFailure: (address) =>
      log(
        "warn",
        "A post to /hooks/git was not signed as it has to be; more of this address are not logged",
        {
          address,
        },
      ),
  });
  return async (c: Context<AppEnv>): Promise<Response> => {
    if (secret === undefined) throw new AppError("not_found", "There is no such webhook");
    const address = addressOf(c);
    const post = {
      headers: Object.fromEntries(c.req.raw.headers),
      body: new Uint8Array(await c.req.arrayBuffer()),
    };
    const find = () => Promise.resolve(isSignedPush(secret, post, clock.now()) || undefined);
    const attempt = await limit.attempt(address, post.headers["x-gitlab-token"] ?? crypto.randomUUID(), find);
    if (attempt.kind === "limited") {
      throw tooManyAttempts(`posts from ${address} were not signed as they have to be`, attempt.waitMs);
    }
    if (attempt.kind !== "known") {
      throw new AppError("unauthorized", "The post is not signed as it has to be");
    }
    pull();
    return c.json({ pulled: true }, 202);
  };
}
