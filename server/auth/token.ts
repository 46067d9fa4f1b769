import { AppError } from "../../contract/errors.ts";
import { ENV_TOKEN_NAME, LOCAL_TOKEN_NAME } from "../../contract/names.ts";
import { hashToken, newTokenText } from "../../engine/control/people/token_text.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Mark } from "../data_folder.ts";
import type { AccessStore } from "../../engine/store/ports/access.ts";

/** Shorter texts can be guessed: no limit of attempts helps for long. */
const MIN_ENV_TOKEN_LENGTH = 16;

/** The variable with the token that may read the metrics and nothing else. */
export const SCRAPE_TOKEN_NAME = "SLUICE_METRICS_TOKEN";

/** Throws `invalid` for a token of the environment that no header could carry or that could be guessed. */
export function checkEnvToken(envToken: string | undefined, variable: string = ENV_TOKEN_NAME): void {
  if (envToken === undefined || envToken === "") return;
  if (!/^[\x21-\x7e]+$/.test(envToken)) {
    throw new AppError("invalid", `${variable} must be of visible ASCII characters, without spaces`);
  }
  if (envToken.length < MIN_ENV_TOKEN_LENGTH) {
    throw new AppError(
      "invalid",
      `${variable} is too short: expected ${MIN_ENV_TOKEN_LENGTH} characters or more; ` +
        "openssl rand -hex 32 makes a good one",
    );
  }
}

export interface FirstToken {
  readonly token: string;
  /** To be called when it was printed: from then on it is not shown or made again. */
  shown(): Promise<void>;
}

const FIRST_TOKEN_NAME = "first admin";

/**
 * Sees to it that somebody can sign in. With `envToken` (SLUICE_TOKEN) that is an admin's token from
 * now on, and the one of an earlier start ends; without it, that one ends as well. Where there is no
 * token yet, one is made, to be printed. A start that stopped between the two, as `notShown` says,
 * left a token that nobody knows: another takes its place.
 */
export async function ensureFirstToken(
  access: AccessStore,
  envToken: string | undefined,
  notShown: Mark,
  clock: Pick<Clock, "now">,
): Promise<FirstToken | undefined> {
  checkEnvToken(envToken);
  const tokens = await access.listTokens();
  if (envToken !== undefined && envToken !== "") {
    await putAdminToken(access, clock, ENV_TOKEN_NAME, envToken);
    return undefined;
  }
  const former = tokens.find(({ name }) => name === ENV_TOKEN_NAME);
  if (former !== undefined) await access.revokeToken(former.id);
  const first = tokens.find(({ name }) => name === FIRST_TOKEN_NAME);
  const wasNeverShown = first !== undefined && first.lastUsedAtMs === null && await notShown.isSet();
  const others = tokens.filter(({ name }) => name !== LOCAL_TOKEN_NAME && name !== ENV_TOKEN_NAME);
  if (others.length > 0 && !wasNeverShown) return undefined;
  const token = newTokenText();
  await notShown.set();
  await putAdminToken(access, clock, FIRST_TOKEN_NAME, token);
  return { token, shown: () => notShown.clear() };
}

/** A fresh admin's token for commands on the same machine; the one of an earlier start ends. */
export async function renewLocalToken(access: AccessStore, clock: Pick<Clock, "now">): Promise<string> {
  const token = newTokenText();
  await putAdminToken(access, clock, LOCAL_TOKEN_NAME, token);
  return token;
}

async function putAdminToken(
  access: AccessStore,
  clock: Pick<Clock, "now">,
  name: string,
  token: string,
): Promise<void> {
  await access.putToken({
    id: crypto.randomUUID(),
    name,
    role: "admin",
    hash: await hashToken(token),
    createdAtMs: clock.now(),
  });
}
