import { AppError } from "../../../contract/errors.ts";
import type { ApiDocument } from "./api_document.ts";
import { firstLine, listOf, memberOf, textOf } from "./json_value.ts";

export interface BaseUrl {
  readonly url: URL;
  /** What the user should look at. */
  readonly notes: readonly string[];
}

const EXAMPLE = "--base-url https://api.example.com/v1";

/**
 * What the document's paths are below: `given` by the user, or its first server. Throws `invalid` for none, and for one that
 * no request can be sent to.
 */
export function readBaseUrl(document: ApiDocument, given: string | undefined): BaseUrl {
  if (given !== undefined) return { url: parsed(given, `--base-url ${JSON.stringify(given)}`), notes: [] };
  const servers = document.isSwagger ? swaggerServers(document) : openServers(document);
  const whole = servers.find(({ url }) => /^https?:\/\/[^/]/i.test(url) && !/[{}]/.test(url));
  if (whole === undefined) {
    throw new AppError("invalid", `${document.file} ${whyNone(servers[0]?.url)}`);
  }
  const url = parsed(whole.url, `the server ${JSON.stringify(whole.url.slice(0, 200))} of ${document.file}`);
  const notes = [...whole.notes];
  const others = servers.filter((one) => one !== whole).map((one) => one.url);
  if (others.length > 0) {
    notes.push(
      `base_url is the first of ${servers.length} servers; others are ${others.slice(0, 5).join(", ")}`,
    );
  }
  if (url.protocol === "http:" && !isLocal(url.hostname)) {
    notes.push("base_url is http: what signs in is sent without encryption");
  }
  return { url, notes };
}

function whyNone(url = "/"): string {
  const shown = JSON.stringify(url.slice(0, 200));
  if (url === "/") return `names no server: name it with ${EXAMPLE}`;
  if (/[{}]/.test(url)) {
    return `does not say what stands for {…} of its server ${shown}: name it with ${EXAMPLE}`;
  }
  if (!url.startsWith("/")) return `has a server that is none of the web, ${shown}: name it with ${EXAMPLE}`;
  return `does not say on which server its path ${shown} is: name it, with the path at its end, with ${EXAMPLE}`;
}

interface Server {
  readonly url: string;
  readonly notes: readonly string[];
}

function openServers({ root }: ApiDocument): readonly Server[] {
  return listOf(memberOf(root, "servers")).flatMap((server) => {
    const written = textOf(memberOf(server, "url"));
    if (written === undefined) return [];
    return [withVariables(firstLine(written), memberOf(server, "variables"))];
  });
}

/** With the defaults of its variables; those without one stay in braces. */
function withVariables(template: string, variables: unknown): Server {
  const used: string[] = [];
  const url = template.replace(/\{([^{}]+)\}/g, (place, name: string) => {
    const value = memberOf(memberOf(variables, name), "default");
    if (typeof value !== "string" && typeof value !== "number") return place;
    used.push(`${name}: ${value}`);
    return String(value);
  });
  const notes = used.length === 0
    ? []
    : [`base_url has what the document gives for its variables (${firstLine(used.join(", "))})`];
  return { url, notes };
}

function swaggerServers({ root }: ApiDocument): readonly Server[] {
  const host = textOf(memberOf(root, "host"));
  const path = textOf(memberOf(root, "basePath")) ?? "/";
  if (host === undefined) return [{ url: path, notes: [] }];
  const schemes = listOf(memberOf(root, "schemes")).map(String);
  const scheme = schemes.includes("https") || !schemes.includes("http") ? "https" : "http";
  return [{ url: `${scheme}://${host}${path.startsWith("/") ? path : `/${path}`}`, notes: [] }];
}

function parsed(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AppError("invalid", `${what} is no address of the web: expected one as ${EXAMPLE}`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new AppError(
      "invalid",
      `${what} has a user, a query or a fragment: leave it out, as in ${EXAMPLE}`,
    );
  }
  return url;
}

const isLocal = (host: string): boolean => /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(host);

/** Whether an operation's own servers are another place than the base and the document's. */
export function isElsewhere(
  servers: readonly unknown[] | undefined,
  { document, base }: { readonly document: ApiDocument; readonly base: URL },
): boolean {
  if (servers === undefined || servers.length === 0) return false;
  const own = [base, ...listOf(memberOf(document.root, "servers")).flatMap((one) => addressOf(one, base))]
    .map(plain);
  return !servers.flatMap((one) => addressOf(one, base)).some((address) => own.includes(plain(address)));
}

function addressOf(server: unknown, base: URL): readonly URL[] {
  const written = textOf(memberOf(server, "url"));
  const url = written === undefined
    ? null
    : URL.parse(withVariables(written, memberOf(server, "variables")).url, base);
  return url === null ? [] : [url];
}

const plain = (url: URL): string => url.href.replace(/\/+$/, "");
