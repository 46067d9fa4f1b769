import { notifiersOf, notifyRules } from "../../../contract/alerts/notify.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import type { PipelineFault } from "../check_pipeline.ts";
import { NOTIFIERS_FILE } from "./parse_notifiers.ts";

/** The notifiers that there are, by their names. */
export interface KnownNotifiers {
  readonly notifiers: Readonly<Record<string, unknown>>;
  /** Names of those that are there but have a fault. */
  readonly broken: ReadonlySet<string>;
  /** False where no name is known. */
  readonly isReadable: boolean;
}

/** Rules of `notify` for notifiers that there are not. */
export function checkNotify(
  { notify }: PipelineDefinition,
  { notifiers, broken, isReadable }: KnownNotifiers,
): PipelineFault[] {
  if (!isReadable) return [];
  const names = [...Object.keys(notifiers), ...broken];
  return notifyRules(notify).flatMap((rule, index) =>
    notifiersOf(rule).flatMap((name, place): PipelineFault[] => {
      if (names.includes(name)) return [];
      const hint = didYouMean(name, names) ||
        (names.length === 0 ? `: there is none yet` : `; it has ${listWords(names)}`);
      return [{
        path: [
          "notify",
          ...(Array.isArray(notify) ? [index] : []),
          "to",
          ...(typeof rule.to === "string" ? [] : [place]),
        ],
        at: "value",
        message: `no notifier "${name}" in ${NOTIFIERS_FILE}${hint}`,
        severity: "error",
      }];
    })
  );
}
