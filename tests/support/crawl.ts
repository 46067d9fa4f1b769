/** All that an admin can read of a server, by the API and by the pages. */

const MOST_PAGES = 300;

/** What GET routes of the API answer, by their paths; ids are taken from what other routes have answered. */
export async function crawlApi(url: string, token: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(url + path, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    found.set(`GET ${path}: ${response.status}`, JSON.stringify([...response.headers]) + text);
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const document = await ask("/openapi.json");
  const paths = document !== null && typeof document === "object" && "paths" in document
    ? document.paths
    : {};
  const templates = Object.entries(paths ?? {}).filter(([, methods]) => "get" in methods).map(([path]) =>
    path
  )
    .toSorted((a, b) => a.split("{").length - b.split("{").length);
  /** Of a collection, as `/api/runs`: the names and ids in it. */
  const known = new Map<string, string[]>();
  for (const template of templates) {
    const [collection = "", ...rest] = template.split(/\/\{[^}]+\}/);
    const members = rest.length === 0 ? [""] : (known.get(collection) ?? []).slice(0, 30);
    for (const member of members) {
      const path = rest.length === 0 ? template : `${collection}/${encodeURIComponent(member)}${rest[0]}`;
      // A third name would need what is in the second.
      if (rest.length > 1) continue;
      const answer = await ask(path);
      if (rest.length === 0 && Array.isArray(answer)) {
        known.set(
          template,
          answer.flatMap((one) => {
            const name = one?.name ?? one?.id;
            return typeof name === "string" ? [name] : [];
          }),
        );
      }
    }
  }
  return found;
}

/** All pages that links lead to, from the first one on. */
export async function crawlPages(url: string, token: string): Promise<ReadonlyMap<string, string>> {
  const signedIn = await fetch(`${url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token }),
    redirect: "manual",
  });
  await signedIn.body?.cancel();
  const cookie = signedIn.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  const found = new Map<string, string>();
  const waiting = ["/"];
  for (let path = waiting.shift(); path !== undefined && found.size < MOST_PAGES; path = waiting.shift()) {
    const response = await fetch(url + path, { headers: { cookie }, redirect: "manual" });
    const text = await response.text();
    found.set(`page ${path}: ${response.status}`, JSON.stringify([...response.headers]) + text);
    for (const [, link = ""] of text.matchAll(/\s(?:href|src)="([^"#]*)/g)) {
      const target = URL.parse(link.replaceAll("&amp;", "&"), url + path);
      if (target === null || target.origin !== new URL(url).origin) continue;
      const next = target.pathname + target.search;
      const isKnown = waiting.includes(next) ||
        [...found.keys()].some((known) => known.startsWith(`page ${next}: `));
      if (!isKnown && next !== "/logout") waiting.push(next);
    }
  }
  return found;
}
