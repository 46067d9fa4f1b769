import type { TableLineage } from "../../../contract/lineage/lineage.ts";
import { plainText } from "../plain_text.ts";

/** What a table is called, and what it is. */
export function tableTitle(
  { id, pipeline, kind, name, connector = "", address = "" }: TableLineage,
): { readonly title: string; readonly about: string } {
  if (pipeline !== undefined && (kind === "model" || kind === "stream")) {
    const title = kind === "model" ? `${pipeline}.${name}` : `${pipeline}: raw.${name}`;
    return { title: plainText(title), about: `${kind} of ${pipeline}` };
  }
  const where = pipeline === undefined ? connector : `${connector} in ${pipeline}`;
  switch (kind) {
    case "model":
      return { title: plainText(name), about: "model" };
    case "stream":
      return { title: plainText(id), about: "stream" };
    case "source":
      return { title: plainText(address === "" ? name : address), about: plainText(`source · ${where}`) };
    case "target":
      return { title: plainText(address === "" ? name : address), about: plainText(`target · ${where}`) };
  }
}
