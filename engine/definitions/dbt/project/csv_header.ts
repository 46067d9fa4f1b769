import type { Dict } from "./read_project.ts";
import { optionalText } from "./settings.ts";

/** The names of the columns of a seed's CSV. */
export function csvHeader(text: string, settings: Dict): string[] {
  const [line = ""] = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1);
  const delimiter = optionalText(settings["delimiter"]) ?? ",";
  return line.split(delimiter).map((name) =>
    name.trim().replace(/^"([\s\S]*)"$/, "$1").replaceAll('""', '"')
  );
}
