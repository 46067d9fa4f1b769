import type { FailedRows } from "../../../contract/checks/failed_rows.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { RunDetail, Step } from "../../../contract/run.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { failedRowsName } from "../../runs/checks/failed_rows_folder.ts";
import type { PublishedFolder } from "../../runs/streams/published.ts";

/**
 * The rows that failed a check in a run: by its step, `daily.not_null_day`, or its name alone where that is the only one.
 * Throws not_found.
 */
export async function runFailedRows(
  folder: Pick<PublishedFolder<FailedRows>, "get">,
  run: RunDetail,
  asked: string,
): Promise<FailedRows> {
  const { name, rows, finished_at } = checkStepOf(run, asked);
  const kept = await folder.get(run.pipeline, failedRowsName(run.id, name));
  return kept ?? {
    run: run.id,
    check: name,
    failures: rows ?? 0,
    columns: [],
    rows: [],
    kept_at: finished_at ?? run.created_at,
  };
}

function checkStepOf(run: RunDetail, asked: string): Step {
  const checks = run.steps.filter(({ kind }) => kind === "check");
  const exact = checks.filter(({ name }) => name === asked || name === `check:${asked}`);
  const [found, other] = exact.length > 0 ? exact : checks.filter(({ name }) => name.endsWith(`.${asked}`));
  if (found !== undefined && other === undefined) return found;
  const names = checks.map(({ name }) => name.slice("check:".length));
  throw new AppError(
    "not_found",
    other === undefined
      ? `The run has no check ${quoteName(asked)}${didYouMeanOneOf(asked, names)}`
      : `The run has several checks ${quoteName(asked)}: say which, as ${found?.name.slice("check:".length)}`,
  );
}
