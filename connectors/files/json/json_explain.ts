import { AppError } from "../../../contract/errors.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import { fileError } from "../../locations/file_error.ts";
import { CAST_FAULT } from "../../text_cast/exact_cast.ts";
import type { Place } from "./json_node.ts";
import { type JsonPlan, placedError } from "./json_plan.ts";
import type { CastPlace } from "./json_relation.ts";
import { surveyJson } from "./json_survey.ts";

/** DuckDB's error while it read surveyed files as one with file, line and column. */
export async function explainJson(
  plan: JsonPlan,
  casts: readonly CastPlace[],
  error: unknown,
): Promise<AppError> {
  if (isOutside(error)) return error;
  const message = driverMessage(error);
  const [, label, value] = new RegExp(`${CAST_FAULT}:(\\d+):([^]*?)(?:\\n\\nLINE |$)`).exec(message) ?? [];
  const cast = casts[Number(label)];
  if (value !== undefined && cast !== undefined) {
    const shown = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value;
    const key = /^[A-Za-z_][A-Za-z0-9_]*$/.test(cast.column) ? cast.column : JSON.stringify(cast.column);
    const told = placedError(
      plan.set,
      await findValue(plan, cast, value),
      `column "${cast.column}" is "${shown}", expected ${cast.type}; correct the file, or set ` +
        `options.columns: {${key}: VARCHAR}`,
    );
    return new AppError("invalid", told.message, { cause: error });
  }
  const [reason] = message.replace(/^.*?Error: /, "").split("\n");
  const file = plan.set.files.find(({ localPath }) => message.includes(`"${localPath}"`)) ??
    plan.set.files[0];
  if (/Invalid Input|JSON|Conversion|Could not convert|Malformed/i.test(message)) {
    return new AppError("invalid", `Cannot read "${file?.shown}": ${reason}`, { cause: error });
  }
  return error instanceof AppError ? error : fileError("read", file?.shown ?? "", error);
}

const MAX_SHOWN = 200;

/** Ends the second survey where the value was found. */
class Found extends Error {
  readonly place: Place;

  constructor(place: Place) {
    super("found");
    this.place = place;
  }
}

/** Reads the files once more for the first value with this text at the place of the cast. */
async function findValue(
  { set, survey }: JsonPlan,
  { nodes }: CastPlace,
  value: string,
): Promise<Place | undefined> {
  for (const node of nodes) {
    node.watch = (literal, place) => {
      const text = literal.startsWith('"') ? String(JSON.parse(literal)) : literal;
      if (text === value) throw new Found(place);
    };
  }
  try {
    await surveyJson(set, new Set(), undefined, survey.root);
  } catch (error) {
    if (error instanceof Found) return error.place;
  } finally {
    for (const node of nodes) node.watch = undefined;
  }
  return undefined;
}
