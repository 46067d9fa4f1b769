import type { LoadReceipt } from "../../../contract/connector/destination.ts";
import type { Step } from "../../../contract/run.ts";

/** What a load's step says of its receipt. */
export function changeOf(
  { rows, sizeBytes, inserted, updated, deleted, hash, rejects }: LoadReceipt,
): Partial<Step> {
  return {
    rows,
    size_bytes: sizeBytes,
    ...(inserted === null ? {} : { inserted }),
    ...(updated === null ? {} : { updated }),
    ...(deleted === null ? {} : { deleted }),
    ...(hash === null ? {} : { hash }),
    ...(rejects === undefined ? {} : { rejects }),
  };
}
