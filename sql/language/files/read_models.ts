import { AppError, toAppError } from "../../../contract/errors.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { Memo } from "../../../text/memo.ts";
import { type Macro, type ParsedMacros, parseMacros, twinFaults } from "../macros/parse_macros.ts";
import { type Model, parseModel, withoutHeader } from "../model.ts";
import { parseSeed, type SeedReader } from "./seeds.ts";
import { type FolderDefaults, parseDefaults } from "./folder_defaults.ts";
import { kindOf, modelName } from "./kinds.ts";

/** The models among a pipeline's files, and the macros that they may call. */
export interface ModelSet {
  /** Those that are switched on and without a fault. */
  readonly models: readonly Model[];
  /** Names of those with `enabled: false`, and the file that says so. */
  readonly disabled: ReadonlyMap<string, string>;
  /** Names of those with a fault. */
  readonly unreadable: readonly string[];
  /** Those of them whose header alone is wrong, without it: their SQL, and what reads them, can still be checked. */
  readonly headless: readonly Model[];
  readonly macros: readonly Macro[];
  readonly faults: readonly Fault[];
}

/** What was read of each file, by its path: the same text gives the same model, by identity. */
export interface ModelsMemory {
  readonly models: Memo<Model>;
  readonly defaults: Memo<FolderDefaults>;
  readonly macros: Memo<ParsedMacros>;
}

export const modelsMemory = (): ModelsMemory => ({
  models: new Memo(),
  defaults: new Memo(),
  macros: new Memo(),
});

/**
 * Reads the models with what their folders' `_defaults.yaml` say, and the seeds, which are models too. Never throws for what a
 * user wrote.
 */
export function readModels(
  files: readonly RevisionFile[],
  readSeed: SeedReader,
  memory: ModelsMemory = modelsMemory(),
): ModelSet {
  for (const memo of Object.values(memory)) memo.turn();
  const defaults = files.filter(({ path }) => kindOf(path) === "defaults").map((file) =>
    memory.defaults.of(file.path, [file.content], () => parseDefaults(file))
  );
  const models: Model[] = [];
  const disabled = new Map<string, string>();
  const unreadable: string[] = [];
  const headless: Model[] = [];
  const faults = defaults.flatMap((one) => one.faults);
  for (const file of files) {
    const kind = kindOf(file.path);
    if (kind !== "model" && kind !== "seed") continue;
    try {
      const header = kind === "model" ? undefined : files.find((other) => isHeaderOf(other.path, file.path));
      const madeOf = kind === "model" ? [file.content, ...defaults] : [file.content, header?.content];
      const model = memory.models.of(
        file.path,
        madeOf,
        () => kind === "model" ? parseModel(file, defaults) : parseSeed(file, header, readSeed),
      );
      if (model.disabledBy === undefined) models.push(model);
      else disabled.set(model.name, model.disabledBy);
    } catch (error) {
      const failure = toAppError(error);
      const whole: Fault = { file: file.path, message: failure.message, severity: "error" };
      faults.push(...failure.faults.length > 0 ? failure.faults : [whole]);
      unreadable.push(modelName(file.path));
      const model = kind === "model" ? withoutHeader(file) : undefined;
      if (model !== undefined) headless.push(model);
    }
  }
  const parsed = files.filter(({ path }) => kindOf(path) === "macros").map((file) =>
    memory.macros.of(file.path, [file.content], () => parseMacros(file))
  );
  const macros = parsed.flatMap(({ statements }) => statements.map(({ macro }) => macro));
  faults.push(...parsed.flatMap((one) => one.faults), ...twinFaults(macros));
  return { models, disabled, unreadable, headless, macros, faults };
}

const isHeaderOf = (path: string, seed: string): boolean =>
  kindOf(path) === "seed header" && path.replace(/\.ya?ml$/, "") === seed.replace(/\.csv$/, "");

/** The same of files that have been checked. Throws invalid with every fault. */
export function requireModels(files: readonly RevisionFile[], readSeed: SeedReader): ModelSet {
  const read = readModels(files, readSeed);
  const faults = read.faults.filter(({ severity }) => severity === "error");
  const [first] = faults;
  if (first === undefined) return read;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  throw new AppError("invalid", `${formatFault(first)}${more}`, { faults });
}
