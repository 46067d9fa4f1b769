/** Stands for this server, whatever name it is reached by. */
const HERE = "http://sluice.invalid";

/**
 * The path to go to after signing in: only one of this server, so that no link leads elsewhere. A browser
 * resolves it once more, so what comes out is looked at as it does: `/.//evil.com` is `//evil.com` by then.
 */
export function safeNext(next: string | undefined): string {
  if (next === undefined || !next.startsWith("/") || !URL.canParse(next, HERE)) return "/";
  const { origin, pathname, search } = new URL(next, HERE);
  const path = `${pathname}${search}`;
  const isHere = origin === HERE && !path.startsWith("//") && new URL(path, HERE).origin === HERE;
  return isHere ? path : "/";
}
