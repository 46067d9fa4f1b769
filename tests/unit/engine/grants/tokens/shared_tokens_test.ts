import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../../../../contract/clock.ts";
import type { TokenRequest } from "../../../../../contract/connector/tokens.ts";
import { SharedTokens } from "../../../../../engine/grants/tokens/shared_tokens.ts";
import { never } from "../../../../support/connections.ts";

const REQUEST: TokenRequest = { issuer: "https://auth.example/token\nme", refreshToken: "configured-token" };
const LATER = Date.now() + 3_600_000;

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-tokens-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The right to renew, where it is given. */
async function renewalOf(folder: string, tokens = new SharedTokens(systemClock), request = REQUEST) {
  const claimed = await tokens.claim(folder, request, never());
  ok("renewal" in claimed);
  return claimed.renewal;
}

const renewed = (token: string, refreshToken: string) => ({
  access: { token, untilMs: LATER },
  refreshToken,
});

Deno.test("a refresh token that took the configured one's place is known to the next process, and sealed", async () => {
  await inFolder(async (folder) => {
    {
      using first = await renewalOf(folder);
      deepEqual(first.refreshTokens, ["configured-token"]);
      await first.keep(renewed("access-one", "second-token"));
    }
    deepEqual(await new SharedTokens(systemClock).claim(folder, REQUEST, never()), {
      access: { token: "access-one", untilMs: LATER },
    });
    using next = await renewalOf(folder, undefined, { ...REQUEST, refused: "access-one" });
    deepEqual(next.refreshTokens, ["second-token", "configured-token"]);
    for await (const { name } of Deno.readDir(join(folder, "tokens"))) {
      const path = join(folder, "tokens", name);
      ok(!/configured|second|access/.test(name + await Deno.readTextFile(path)), name);
      equal((await Deno.stat(path)).mode! & 0o777, 0o600, name);
    }
    equal((await Deno.stat(join(folder, "tokens"))).mode! & 0o777, 0o700);
    using other = await renewalOf(folder, undefined, { ...REQUEST, refreshToken: "newly-configured" });
    deepEqual(other.refreshTokens, ["newly-configured"]);
    using elsewhere = await renewalOf(folder, undefined, { ...REQUEST, issuer: "https://other.example" });
    deepEqual(elsewhere.refreshTokens, ["configured-token"]);
  });
});

Deno.test("an access token is shared until it is over or refused", async () => {
  await inFolder(async (folder) => {
    const tokens = new SharedTokens(systemClock);
    {
      using first = await renewalOf(folder, tokens);
      await first.keep(renewed("a1", "configured-token"));
    }
    deepEqual(await tokens.claim(folder, REQUEST, never()), { access: { token: "a1", untilMs: LATER } });
    {
      using again = await renewalOf(folder, tokens, { ...REQUEST, refused: "a1" });
      await again.keep({ ...renewed("a2", "configured-token"), access: { token: "a2", untilMs: 0 } });
    }
    using over = await renewalOf(folder, tokens);
    deepEqual(over.refreshTokens, ["configured-token"]);
  });
});

Deno.test("one renews at a time, in this process and in others, and what it kept is the next one's", async () => {
  await inFolder(async (folder) => {
    const tokens = new SharedTokens(systemClock);
    const first = await renewalOf(folder, tokens);
    let done = 0;
    const waiting = [
      tokens.claim(folder, REQUEST, never()).then((found) => (done += 1, found)),
      // As another process has them.
      new SharedTokens(systemClock).claim(folder, REQUEST, never()).then((found) => (done += 1, found)),
    ] as const;
    await first.keep(renewed("a1", "second-token"));
    equal(done, 0);
    first[Symbol.dispose]();
    deepEqual(await waiting[0], { access: { token: "a1", untilMs: LATER } });
    deepEqual(await waiting[1], { access: { token: "a1", untilMs: LATER } });
  });
});

Deno.test("who is gone gives its turn to the next, and what was damaged is passed over", async () => {
  await inFolder(async (folder) => {
    const tokens = new SharedTokens(systemClock);
    const first = await renewalOf(folder, tokens);
    const gone = new AbortController();
    const abandoned = tokens.claim(folder, REQUEST, gone.signal);
    const next = renewalOf(folder, tokens);
    gone.abort(new Error("gone"));
    await first.keep({ ...renewed("a1", "second-token"), access: { token: "a1", untilMs: 0 } });
    first[Symbol.dispose]();
    await rejects(abandoned, /gone/);
    {
      using renewal = await next;
      deepEqual(renewal.refreshTokens, ["second-token", "configured-token"]);
    }
    for await (const { name } of Deno.readDir(join(folder, "tokens"))) {
      if (!name.endsWith(".lock")) await Deno.writeTextFile(join(folder, "tokens", name), "cut");
    }
    using after = await renewalOf(folder);
    deepEqual(after.refreshTokens, ["configured-token"]);
  });
});

Deno.test("nothing is renewed where its successor could not be kept", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "tokens"), "a file");
    await rejects(
      new SharedTokens(systemClock).claim(folder, REQUEST, never()),
      (error) => error instanceof Error && /Cannot keep a refresh token/.test(error.message),
    );
  });
});
