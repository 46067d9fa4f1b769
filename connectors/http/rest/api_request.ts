/** A request of an endpoint. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  /** JSON; null where there is none. */
  readonly body: string | null;
  /** What it should be answered in; JSON by default. */
  readonly accept?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A page has to fit into memory. */
export const MAX_PAGE_BYTES = 512 * 1024 * 1024;

/** `GET https://api.example.com/orders`: a query may hold what nobody should read. */
export const shownRequest = ({ method, url }: Pick<ApiRequest, "method" | "url">): string =>
  `${method} ${url.origin}${url.pathname}`;
