import { AppError, toAppError } from "../../../contract/errors.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { type Macro, parseMacros, twinFaults } from "../macros/parse_macros.ts";
import { type Model, parseModel } from "../model.ts";
import { parseDefaults } from "./folder_defaults.ts";
import { kindOf, modelName } from "./kinds.ts";

/** The models among a pipeline's files, and the macros that they may call. */
export interface ModelSet {
  /** Those that are switched on and without a fault. */
  readonly models: readonly Model[];
  /** Names of those with `enabled: false`, and the file that says so. */
  readonly disabled: ReadonlyMap<string, string>;
  /** Names of those with a fault. */
  readonly unreadable: readonly string[];
  readonly macros: readonly Macro[];
  readonly faults: readonly Fault[];
}

/** Reads the models with what their folders' `_defaults.yaml` say. Never throws for what a user wrote. */
export function readModels(files: readonly RevisionFile[]): ModelSet {
  const defaults = files.filter(({ path }) => kindOf(path) === "defaults").map(parseDefaults);
  const models: Model[] = [];
  const disabled = new Map<string, string>();
  const unreadable: string[] = [];
  const faults = defaults.flatMap((one) => one.faults);
  for (const file of files) {
    if (kindOf(file.path) !== "model") continue;
    try {
      const model = parseModel(file, defaults);
      if (model.disabledBy === undefined) models.push(model);
      else disabled.set(model.name, model.disabledBy);
    } catch (error) {
      const failure = toAppError(error);
      const whole: Fault = { file: file.path, message: failure.message, severity: "error" };
      faults.push(...failure.faults.length > 0 ? failure.faults : [whole]);
      unreadable.push(modelName(file.path));
    }
  }
  const parsed = files.filter(({ path }) => kindOf(path) === "macros").map(parseMacros);
  const macros = parsed.flatMap(({ statements }) => statements.map(({ macro }) => macro));
  faults.push(...parsed.flatMap((one) => one.faults), ...twinFaults(macros));
  return { models, disabled, unreadable, macros, faults };
}

/** The same of files that have been checked. Throws invalid with every fault. */
export function requireModels(files: readonly RevisionFile[]): ModelSet {
  const read = readModels(files);
  const faults = read.faults.filter(({ severity }) => severity === "error");
  const [first] = faults;
  if (first === undefined) return read;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  throw new AppError("invalid", `${formatFault(first)}${more}`, { faults });
}
