import { isRecord } from "../../../../text/is_record.ts";
import type { DbtProject, Dict } from "./read_project.ts";

/**
 * The values of `var()`. Those of the project go before those of packages, a package's own before others of its name, and
 * the command's before all.
 */
export function variablesOf({ packages, root }: DbtProject, given: Dict): Dict {
  const names = new Set(packages.map(({ name }) => name));
  const scoped = (settings: Dict, name: string): Dict => {
    const vars = isRecord(settings["vars"]) ? settings["vars"] : {};
    const own = vars[name];
    const plain = Object.fromEntries(
      Object.entries(vars).filter(([key, value]) => !names.has(key) || !isRecord(value)),
    );
    return { ...plain, ...(isRecord(own) ? own : {}) };
  };
  return Object.assign(
    {},
    ...packages.map(({ settings, name }) => scoped(settings, name)),
    ...packages.map(({ name }) => scoped(root.settings, name)),
    given,
  );
}
