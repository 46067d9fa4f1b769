/** Tags of files by their names: another tag for another content. */
export type Files = Readonly<Record<string, string>>;

const MOST_SHOWN = 3;

/**
 * What a look has found: files that are new or have changed against `known`, and were the same at the look before,
 * as `before` has it; one that is being written changes meanwhile and is `settling`. `next` is what is known then:
 * files that are gone are not in it, so that one that comes back is new.
 */
export function newSettled(
  { known, files, before }: { readonly known: Files; readonly files: Files; readonly before: Files },
): { readonly found: Files; readonly settling: Files; readonly next: Files } {
  const found: [string, string][] = [];
  const settling: [string, string][] = [];
  const next: [string, string][] = [];
  for (const [name, tag] of Object.entries(files)) {
    const knownTag = Object.hasOwn(known, name) ? known[name] : undefined;
    const isNew = knownTag !== tag;
    const isSettled = isNew && Object.hasOwn(before, name) && before[name] === tag;
    if (isSettled) found.push([name, tag]);
    if (isNew && !isSettled) settling.push([name, tag]);
    if (!isNew || isSettled) next.push([name, tag]);
    else if (knownTag !== undefined) next.push([name, knownTag]);
  }
  return {
    found: Object.fromEntries(found),
    settling: Object.fromEntries(settling),
    next: Object.fromEntries(next),
  };
}

/** `in/a.csv, in/b.csv and 4 more`. There is one at least. */
export function filesText(names: readonly string[]): string {
  const shown = names.slice(0, MOST_SHOWN).join(", ");
  return names.length <= MOST_SHOWN ? shown : `${shown} and ${names.length - MOST_SHOWN} more`;
}
