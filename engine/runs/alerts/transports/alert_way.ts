import { GuardedFetch, hostOf, plainAddress } from "../../../../connectors/network/guarded_fetch.ts";
import type { PlainLine } from "../../../../contract/connector/connector.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { Egress } from "../../../grants/egress/egress.ts";
import { HostGuard } from "../../../grants/egress/host_guard.ts";
import { WayOut } from "../../../grants/egress/way_out.ts";
import { reasonAgainstPlain } from "../../../grants/grant.ts";
import type { Policy } from "../../../grants/policy.ts";
import type { AlertWay, Outgoing, Receipt } from "./transport.ts";

/** So many characters are read of what a receiver says: more than are shown, so that no secret is cut in two there. */
const MAX_READ = 4_096;
/** A receiver may want a longer pause; it is asked again all the same. */
const MAX_PAUSE_MS = 3_600_000;
/** Statuses of 4xx that say that another try may be taken. */
const PASSING = [408, 425, 429];

/** The way out of this server, past its proxy, which judges the address of every connection. */
export function createAlertWay(egress: Egress, policy: Policy): AlertWay {
  return {
    async judge(host, plain) {
      if (plain !== undefined) requireNamed(policy, { host, ...plain });
      return (await new HostGuard(policy, [host]).judge(host)).addresses;
    },

    async post({ url, method = "POST", headers, body, signsIn }: Outgoing, signal) {
      const target = new URL(url);
      const plain = signsIn ? plainAddress(target, "url begins with http://", "write https://") : [];
      for (const line of plain) requireNamed(policy, line);
      const host = hostOf(target);
      using out = new WayOut(egress, policy, [host]);
      using guarded = new GuardedFetch(async () => {
        const { proxy, token } = await out.to(host);
        return { url: `socks5h://${proxy}`, basicAuth: { username: "sluice", password: token } };
      });
      try {
        return await receiptOf(await guarded.fetch(target, { method, headers, body, signal }));
      } catch (error) {
        if (error instanceof AppError) throw error;
        if (signal.aborted) throw new AppError("timeout", `${host} has not answered in time`);
        throw new AppError("unavailable", `${host} cannot be reached`, { cause: error });
      }
    },
  };
}

/** Throws `forbidden` where the line leads to another machine that the policy does not name. */
function requireNamed(policy: Policy, line: PlainLine): void {
  const reason = reasonAgainstPlain(policy, line);
  if (reason === undefined) return;
  throw new AppError("forbidden", `May not sign in at ${line.host} without encryption: ${reason}`, {
    reason: "policy",
  });
}

async function receiptOf(response: Response): Promise<Receipt> {
  const { status } = response;
  const said = (await firstOf(response)).replace(/\s+/g, " ").trim();
  const words = said === "" ? `answered ${status}` : `answered ${status}: ${said}`;
  if (response.ok) return { isTaken: true, words };
  if (status >= 300 && status < 400) {
    const to = "a redirect, which is not followed: use the address that it leads to";
    return { isTaken: false, words: `answered ${status}, ${to}`, isFinal: true };
  }
  const retryAfterMs = pauseOf(response.headers.get("retry-after"));
  return {
    isTaken: false,
    words,
    isFinal: status < 500 && !PASSING.includes(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The beginning of the body. */
async function firstOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_READ) break;
  }
  return text.slice(0, MAX_READ);
}

/** Seconds, or a date (RFC 9110). */
function pauseOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_PAUSE_MS);
}
