import type { PathStep } from "../page/json_walk.ts";

/** What a request differs in from the endpoint's own. */
export interface Turn {
  /** In the place of the endpoint's address, with its query. */
  readonly url?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** Values of the body, by where they go. */
  readonly body?: readonly (readonly [path: readonly PathStep[], value: string | number])[];
}

/** A page as far as a paginator looks at it. */
export interface PageView {
  readonly headers: Headers;
  /** Records of this page. */
  readonly records: number;
  /** The value at a path of the page's JSON; undefined where there is none. */
  at(path: readonly PathStep[]): unknown;
  /** Keys of the page where it is an object; none where it is not. */
  readonly keys: readonly string[];
}

/** Goes through the pages of one read: it has a state of its own. */
export interface Paginator {
  /** What the first request has beside the endpoint's own. */
  readonly first: Turn;
  /** What comes after the page; undefined where it was the last. Throws `invalid` where that cannot be told. */
  next(page: PageView): Turn | undefined;
}
