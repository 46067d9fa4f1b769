import type { TableLineage } from "../../../contract/lineage/lineage.ts";
import { plainText } from "../plain_text.ts";

/** What a table is called, and what it is. */
export function tableTitle(
  { id, kind, name, connector = "", address = "" }: TableLineage,
): { readonly title: string; readonly about: string } {
  switch (kind) {
    case "model":
      return { title: plainText(name), about: "model" };
    case "stream":
      return { title: plainText(id), about: "stream" };
    case "source":
      return { title: plainText(address === "" ? name : address), about: plainText(`source · ${connector}`) };
    case "target":
      return { title: plainText(address === "" ? name : address), about: plainText(`target · ${connector}`) };
  }
}
