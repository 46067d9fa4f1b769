/** A request of an endpoint. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  /** JSON; null where there is none. */
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** `GET https://api.example.com/orders`: a query may hold what nobody should read. */
export const shownRequest = ({ method, url }: Pick<ApiRequest, "method" | "url">): string =>
  `${method} ${url.origin}${url.pathname}`;
