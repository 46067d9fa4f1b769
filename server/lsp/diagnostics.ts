import type { CodeAction, Diagnostic, Range, TextDocument } from "./protocol.ts";
import type { Fault } from "../../text/fault.ts";
import { suggest } from "../../text/suggest.ts";

/** Names in SQL and YAML, with dots between their parts. */
const NAME = /(?:"(?:[^"]|"")*"|[\p{L}\p{N}_$-]+)(?:\.(?:"(?:[^"]|"")*"|[\p{L}\p{N}_$-]+))*/uy;

/** A fault as editors show it: from where it is to the end of the word there. `document`: undefined where the editor does not have it open. */
export function toDiagnostic(fault: Fault, document: TextDocument | undefined): Diagnostic {
  const start = { line: Math.max(0, (fault.line ?? 1) - 1), character: Math.max(0, (fault.column ?? 1) - 1) };
  const range = { start, end: { ...start, character: start.character + 1 } };
  return {
    range: document === undefined ? range : wordAt(document, range),
    message: fault.message,
    severity: fault.severity === "error" ? 1 : 2,
    source: "sluice",
  };
}

function wordAt(document: TextDocument, { start, end }: Range): Range {
  const text = document.getText();
  const offset = document.offsetAt(start);
  NAME.lastIndex = offset;
  const length = NAME.exec(text)?.[0].length ?? 0;
  if (length > 0) return { start, end: document.positionAt(offset + length) };
  // Behind the end of a line there is nothing to underline: the place before is.
  const isAtEnd = offset >= text.length || /[\r\n]/.test(text[offset] ?? "");
  if (isAtEnd && start.character > 0) {
    return { start: { ...start, character: start.character - 1 }, end: start };
  }
  return { start, end };
}

/** What a message says may have been meant, in the place of what is written. */
export function suggestedActions(diagnostics: readonly Diagnostic[], document: TextDocument): CodeAction[] {
  return diagnostics.flatMap((diagnostic): CodeAction[] => {
    if (diagnostic.source !== "sluice") return [];
    const { message } = diagnostic;
    const meant = typeof message !== "string" ? undefined : /\(did you mean ([^?)]+)\?\)/.exec(message)?.[1];
    if (meant === undefined) return [];
    return meant.split(/, | or /).flatMap((name, index) => {
      const range = replacedBy(name, diagnostic, document);
      if (range === undefined) return [];
      return [{
        title: `Change to ${name}`,
        kind: "quickfix",
        diagnostics: [diagnostic],
        isPreferred: index === 0,
        edit: { changes: { [document.uri]: [{ range, newText: name }] } },
      }];
    });
  });
}

/** The whole name, or the part of it that is nearest to what was meant. */
function replacedBy(name: string, { range }: Diagnostic, document: TextDocument): Range | undefined {
  const written = document.getText(range);
  const parts = written.split(".");
  if (written === "" || parts.length === name.split(".").length) return written === "" ? undefined : range;
  const nearest = suggest(name, parts.toReversed());
  if (nearest === undefined) return undefined;
  const at = document.offsetAt(range.start) + written.lastIndexOf(nearest);
  return { start: document.positionAt(at), end: document.positionAt(at + nearest.length) };
}
