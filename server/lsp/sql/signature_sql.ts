import { isSameName } from "../../../contract/sql.ts";
import { placeIn } from "../../../sql/editing/place.ts";
import { sqlWords, unquoted } from "../../../sql/editing/read_scopes.ts";
import type { SignatureHelp } from "../protocol.ts";
import type { SqlView } from "./sql_view.ts";

/** The forms of the function whose arguments are being written, the fitting one first. */
export async function signatureAt(view: SqlView, offset: number): Promise<SignatureHelp | undefined> {
  if (placeIn(view.sql, offset).wants === "nothing") return undefined;
  const call = callAround(view.sql, offset);
  if (call === undefined) return undefined;
  const forms = (await view.space.checker.functions()).filter(({ name }) => isSameName(name, call.name));
  const signatures = forms.map(({ name, parameters, returns, description }) => ({
    label: `${name}(${parameters.join(", ")})${returns === undefined ? "" : ` → ${returns}`}`,
    parameters: parameters.map((label) => ({ label })),
    ...(description === undefined ? {} : { documentation: description }),
  }));
  const macro = (await view.space.macros()).find(({ name }) => isSameName(name, call.name));
  if (macro !== undefined) {
    const head = /^\s*\(([^)]*)\)/.exec(macro.text.slice(macro.start, macro.end))?.[1] ?? "";
    const parameters = head.split(",").map((one) => one.trim()).filter((one) => one !== "");
    signatures.push({
      label: `${macro.name}(${parameters.join(", ")})`,
      parameters: parameters.map((label) => ({ label })),
    });
  }
  if (signatures.length === 0) return undefined;
  const fitting = signatures.findIndex(({ parameters }) => parameters.length > call.argument);
  return { signatures, activeSignature: Math.max(0, fitting), activeParameter: call.argument };
}

/** The innermost call that holds the place, and which of its arguments that is, from 0. */
function callAround(
  sql: string,
  offset: number,
): { readonly name: string; readonly argument: number } | undefined {
  const words = sqlWords(sql).filter(({ end }) => end <= offset);
  let depth = 0;
  let argument = 0;
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const text = words[at]?.text;
    if (text === ")") depth += 1;
    else if (text === "," && depth === 0) argument += 1;
    else if (text === "(") {
      if (depth > 0) {
        depth -= 1;
        continue;
      }
      const name = words[at - 1];
      return name?.isName === true ? { name: unquoted(name.text), argument } : undefined;
    }
  }
  return undefined;
}
