import type { Context } from "hono";

/** The token of the request, empty for one that cannot be; undefined where none is sent. */
export function bearerOf(c: Context): string | undefined {
  const found = /^Bearer(?: +(.*))?$/i.exec(c.req.header("authorization") ?? "");
  if (found === null) return undefined;
  return /^\S+$/.exec(found[1]?.trimEnd() ?? "")?.[0] ?? "";
}
