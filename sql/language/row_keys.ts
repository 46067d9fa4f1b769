import type { Model } from "./model.ts";

/**
 * What may tell a model's rows apart, each by its columns, the surest first: its key, then what its checks hold to be
 * unique. Rows themselves have to show whether it does.
 */
export function rowKeys(
  { primaryKey, history, columns, checks }: Pick<Model, "primaryKey" | "history" | "columns" | "checks">,
): readonly (readonly string[])[] {
  const declared = history === undefined ? primaryKey : [...primaryKey, history.validFrom];
  const unique = Object.entries(columns).filter(([, { checks }]) =>
    checks.some(({ kind, where }) => kind === "unique" && where === undefined)
  );
  const together = checks.flatMap((check) => {
    if (check.where !== undefined) return [];
    if (check.kind === "unique_together") return [check.columns];
    return check.kind === "unique" && "of" in check ? [[check.of]] : [];
  });
  return [...(primaryKey.length === 0 ? [] : [declared]), ...unique.map(([name]) => [name]), ...together];
}
