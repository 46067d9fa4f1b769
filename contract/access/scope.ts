import * as v from "valibot";
import { described } from "../described.ts";
import { splitPlacedName } from "../environments/pipeline_name.ts";

/** What a grant holds over. */

/** A name, in which `*` stands for any text: `finance_*`. */
const pattern = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_*-]{1,63}$/, "expected a name, in which * stands for any text"),
);

/** The same, also of pipelines in environments: `orders@dev`, `*@dev`. */
export const PIPELINE_SCOPE_PATTERN = /^[A-Za-z0-9_*-]{1,63}(?:@[A-Za-z0-9_*-]{1,30})?$/;
const pipelinePattern = v.pipe(
  v.string(),
  v.regex(
    PIPELINE_SCOPE_PATTERN,
    "expected a name, in which * stands for any text, alone or with @ and an environment, as *@dev",
  ),
);

export const scopeSchema = v.variant("kind", [
  v.strictObject({ kind: described(v.literal("all"), "Everything.") }),
  v.strictObject({
    kind: described(v.literal("pipeline"), "Pipelines by name."),
    name: described(
      pipelinePattern,
      "A pipeline's name, in production and in every environment, or orders@dev in that alone; * stands for any text.",
    ),
  }),
  v.strictObject({
    kind: described(v.literal("tag"), "Pipelines by a tag."),
    name: described(v.pipe(v.string(), v.minLength(1), v.maxLength(100)), "A tag of pipelines."),
  }),
  v.strictObject({
    kind: described(v.literal("connector"), "Connectors by name."),
    name: described(pattern, "A connector's name; * stands for any text."),
  }),
], "expected {kind: all}, or {kind: pipeline | tag | connector, name}");

/** Everything, pipelines by their name or by a tag of theirs, or connectors by their name. */
export type Scope = v.InferOutput<typeof scopeSchema>;

/** What of a pipeline grants are judged by. */
export interface PipelineSubject {
  readonly name: string;
  readonly tags: readonly string[];
  /** A user's name, or `@` and a group's. */
  readonly owner?: string | null;
}

export function coversPipeline(scope: Scope, { name, tags }: PipelineSubject): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "pipeline":
      return matchesPipeline(scope.name, name);
    case "tag":
      return tags.includes(scope.name);
    case "connector":
      return false;
  }
}

export function coversConnector(scope: Scope, name: string): boolean {
  return scope.kind === "all" || scope.kind === "connector" && matchesName(scope.name, name);
}

/** `all`, `pipeline finance_*`, `tag finance`: as people read it. */
export function scopeText(scope: Scope): string {
  return scope.kind === "all" ? "all" : `${scope.kind} ${scope.name}`;
}

/** `viewer, engineer (tag sales)`: grants in one line; empty for none. */
export function grantsText(grants: readonly { readonly role: string; readonly scope: Scope }[]): string {
  return grants.map(({ role, scope }) => scope.kind === "all" ? role : `${role} (${scopeText(scope)})`)
    .join(", ");
}

/** What names no environment is for all of them and for production. */
function matchesPipeline(pattern: string, name: string): boolean {
  const { pipeline, environment } = splitPlacedName(name);
  const [wanted, wantedEnvironment] = pattern.split("@");
  if (!matchesName(wanted ?? "", pipeline)) return false;
  return wantedEnvironment === undefined ||
    environment !== null && matchesName(wantedEnvironment, environment);
}

/** Names are compared as they are written; `*` is any text. In linear time, whatever the pattern. */
function matchesName(pattern: string, name: string): boolean {
  const [first = "", ...parts] = pattern.split("*");
  const last = parts.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) {
    return false;
  }
  let from = first.length;
  const end = name.length - last.length;
  for (const part of parts) {
    const at = name.indexOf(part, from);
    if (at === -1 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
