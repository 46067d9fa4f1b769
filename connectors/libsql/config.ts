import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";

/** A database of a libSQL server, as connectors.yaml says it. */
export interface LibsqlConfig {
  /** `https://host:port` or `http://…`, with the path of the database, if any, and no slash at its end. */
  readonly url: string;
  readonly authToken: Secret | undefined;
}

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));

const entrySchema = v.strictObject({
  url: v.pipe(
    text,
    v.description(
      "The database's address as its server or Turso shows it: libsql://shop-me.turso.io, https://host:port, or http:// on this machine.",
    ),
  ),
  auth_token: v.optional(
    v.pipe(
      text,
      v.description("The token that the server wants, best a reference, as ${secret:SHOP_TOKEN}."),
    ),
  ),
  tls: v.optional(v.pipe(
    v.boolean(),
    v.description(
      "false sends token and rows without encryption, for a server in a network that nobody else listens to; true by default.",
    ),
  )),
});
type Entry = v.InferOutput<typeof entrySchema>;

/** `unknown` in, a frozen LibsqlConfig out. No fault shows a value of the URL, which may hold a token. */
export const configSchema = v.pipe(
  entrySchema,
  v.rawTransform<Entry, LibsqlConfig>(({ dataset, addIssue, NEVER }) => {
    const { url, auth_token: token, tls = true } = dataset.value;
    const address = addressOf(url, tls);
    if (typeof address !== "string") {
      addIssue({ message: address.fault });
      return NEVER;
    }
    // A file with a token mostly ends with a line break.
    const bare = token?.trim();
    if (bare !== undefined && !/^[\x21-\x7e]+$/.test(bare)) {
      addIssue({ message: "auth_token has characters that no token has" });
      return NEVER;
    }
    const authToken = bare === undefined ? undefined : new Secret(bare);
    return Object.freeze({ url: address, authToken });
  }),
);

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function addressOf(written: string, tls: boolean): string | { readonly fault: string } {
  if (/^file:|^[./]/.test(written)) return { fault: "url is a file: use type: sqlite with its path" };
  const scheme = /^([a-z]+):\/\//i.exec(written)?.[1]?.toLowerCase();
  if (scheme === undefined || !["libsql", "https", "http"].includes(scheme)) {
    return { fault: "expected a url that begins with libsql://, https:// or http://" };
  }
  // A URL of an unknown scheme is read by other rules.
  const url = URL.parse(written.replace(/^libsql:/i, tls ? "https:" : "http:"));
  if (url === null || url.hostname === "") return { fault: "url is no address: expected libsql://host" };
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return { fault: "url has more than host, port and path: put a token into auth_token" };
  }
  if (url.protocol === "http:" && tls && !LOOPBACK.test(url.hostname)) {
    return {
      fault:
        "url begins with http://, and the server is not this machine: use https://, or allow it by tls: false",
    };
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** `host:port`, as messages and Deno's permissions have it. */
export function hostOf({ url }: LibsqlConfig): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === "" ? (protocol === "http:" ? 80 : 443) : port}`;
}

/** Tells the database from others, whatever way its url is written. */
export function databaseOf(config: LibsqlConfig): string {
  const host = hostOf(config).replace(/^(?:127\.0\.0\.1|\[::1\]):/, "localhost:");
  return `libsql ${host}${new URL(config.url).pathname.replace(/\/$/, "")}`;
}
