import { AppError } from "../../../../contract/errors.ts";
import { wordsOf } from "../api_error.ts";
import type { Endpoint } from "../endpoint.ts";
import { simplePath } from "../json_path.ts";
import type { JsonText, Piece } from "./json_walk.ts";

/**
 * Whether the first of the endpoint's actions that the page's values fit says that it has no records. Throws `invalid`, with
 * the server's own words, where it says that the page is a failure.
 */
export function isIgnored(actions: Endpoint["response_actions"], text: JsonText, root: Piece): boolean {
  for (const action of actions) {
    if (!("value_path" in action)) continue;
    const piece = text.find(root, simplePath(action.value_path) ?? []);
    if (piece === undefined || text.value(piece) !== action.value) continue;
    if (action.action === "ignore") return true;
    const said = wordsOf(text.bytes);
    throw new AppError(
      "invalid",
      `The server says that it failed: ${JSON.stringify(said)} (${action.value_path}: ${text.text(piece)})`,
    );
  }
  return false;
}
