import { search } from "jmespath";
import { isFromEnd, simplePath } from "../json_path.ts";
import type { PathStep } from "./json_walk.ts";

/** Where the records of a page are: a way down, or an expression of JMESPath. */
export type Selector = { readonly path: readonly PathStep[] } | { readonly query: string };

/** What an endpoint's data_selector says; undefined where it has none. */
export function selectorOf(
  { data_selector: text }: { readonly data_selector?: string | undefined },
): Selector | undefined {
  if (text === undefined) return undefined;
  const path = simplePath(text);
  return path === undefined || isFromEnd(path) ? { query: queryOf(text) } : { path };
}

/** Whether a text can be a data_selector. */
export function isSelector(text: string): boolean {
  if (simplePath(text) !== undefined) return true;
  try {
    search(null, queryOf(text));
  } catch (error) {
    // That there is nothing to select from is no fault of the expression.
    return error instanceof Error && error.message.startsWith("TypeError: ");
  }
  return true;
}

/** JSONPath begins with a sign of the whole page. */
const queryOf = (text: string): string => text.trim().replace(/^\$\.?/, "");
