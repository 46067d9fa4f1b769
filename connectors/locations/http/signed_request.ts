/** A request as it would be sent. */
export interface SignableRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** Null where there is none. */
  readonly body: string | null;
}

/** What is sent in its place. */
export interface SignedRequest {
  /** Of the same server and path. */
  readonly url: URL;
  readonly headers: Headers;
}

/** Signs a request at the moment that it is sent: each try, page and part of a file anew. */
export type Sign = (request: SignableRequest) => Promise<SignedRequest>;
