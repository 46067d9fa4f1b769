import { AppError } from "../../../../contract/errors.ts";
import { type JsonText, JsonTextFault, type Piece } from "./json_walk.ts";

const LINE_FEED = 0x0a;

/** The values of a text that has one a line; blank lines are none. Throws `invalid` with the line for one that is no JSON. */
export function* ndjsonLines(text: JsonText): Iterable<Piece> {
  const { bytes } = text;
  let line = 1;
  for (let start = text.start; start < bytes.length; line++) {
    const feed = bytes.indexOf(LINE_FEED, start);
    const end = feed === -1 ? bytes.length : feed;
    let piece: Piece | undefined;
    try {
      piece = text.valueBetween(start, end);
    } catch (error) {
      if (!(error instanceof JsonTextFault)) throw error;
      throw new AppError("invalid", `its line ${line} is no JSON: ${error.message}`, { cause: error });
    }
    if (piece !== undefined) yield piece;
    start = end + 1;
  }
}
