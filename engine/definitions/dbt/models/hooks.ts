import { isRecord } from "../../../../text/is_record.ts";
import { formatCount } from "../../../../text/format.ts";
import type { Findings } from "../findings.ts";
import type { Dict } from "../project/read_project.ts";
import { listOf } from "../project/settings.ts";

/** Hooks of dbt: statements before or after a model or a run, for which there is no place here. Each is told once. */
export interface Hooks {
  /** Those of the settings of a model, a seed or of dbt_project.yml. */
  add(file: string, config: Dict): void;
  /** Tells of all that were added. */
  tell(findings: Findings): void;
}

const KEYS = ["pre-hook", "post-hook", "pre_hook", "post_hook", "on-run-start", "on-run-end"];

/** `render` gives the statement's SQL; throws where its template does not work. */
export function createHooks(render: (text: string) => string): Hooks {
  const found = new Map<string, { key: string; text: string; files: string[] }>();
  return {
    add(file, config) {
      for (const key of KEYS) {
        for (const hook of listOf(config[key])) {
          const text = statementOf(hook);
          // Many call the same macro, each with arguments of its own.
          const id = `${key}:${text.replace(/'[^']*'|"[^"]*"/g, "…")}`;
          const known = found.get(id) ?? { key: key.replace("_", "-"), text, files: [] };
          known.files.push(file);
          found.set(id, known);
        }
      }
    },
    tell(findings) {
      for (const { key, text, files } of found.values()) {
        const sql = rendered(text, render);
        // Many do something on another database only.
        if (sql.trim() === "") continue;
        const [file = ""] = files;
        const others = files.length > 1 ? ` (and of ${formatCount(files.length - 1)} others)` : "";
        const shown = text.replace(/\s+/g, " ").trim().slice(0, 80);
        const { isDone, advice } = nearest(sql);
        const message = `${key} \`${shown}\`${others} is left out: ${advice}`;
        if (isDone) findings.note(file, message);
        else findings.hand(file, message);
      }
    },
  };
}

function statementOf(hook: unknown): string {
  if (isRecord(hook)) return String(hook["sql"] ?? "");
  return String(hook);
}

function rendered(text: string, render: (text: string) => string): string {
  try {
    return render(text);
  } catch {
    return text;
  }
}

/** What there is in place of a statement; it is done where nothing is missing without it. */
function nearest(sql: string): { readonly isDone: boolean; readonly advice: string } {
  if (/\b(?:grant|revoke)\b/i.test(sql)) {
    return { isDone: true, advice: "who sees data is said by roles and grants of the server" };
  }
  if (/^\s*(?:analyze|vacuum|optimize|create\s+(?:unique\s+)?index|comment)\b|\bcluster\b/i.test(sql)) {
    return { isDone: true, advice: "a warehouse of DuckDB needs no such statement" };
  }
  if (/^\s*(?:copy|unload|export)\b/i.test(sql)) {
    return { isDone: false, advice: "`load` of the pipeline writes tables and files elsewhere" };
  }
  if (/\b(?:insert|update|delete|merge)\b/i.test(sql)) {
    return {
      isDone: false,
      advice: "rows change by models alone: make it one, or part of the model's query",
    };
  }
  if (/\b(?:set|pragma|alter\s+session|use)\b/i.test(sql)) {
    return { isDone: false, advice: "SQL here changes no settings" };
  }
  return { isDone: false, advice: "a run has no statements of its own" };
}
