import type { Scan } from "../../../../contract/connector/source.ts";
import type { DuckSession } from "../../../duckdb/session.ts";

/** Who looks on sees numbers move about this often. */
const LOOK_EVERY_MS = 500;

/** Whether DuckDB reads the rows in one statement, whose share of the files it knows. */
export function isOneStatement({ prepare, parts, arriving, sizeBytes }: Scan): boolean {
  return prepare === undefined && parts === undefined && arriving === undefined && sizeBytes > 0;
}

/** Tells every half second which share of its input the session's statement has read, until it is disposed of. */
export async function tellShare(
  session: Pick<DuckSession, "measureProgress" | "progress">,
  onShare: (share: number) => void,
): Promise<Disposable> {
  await session.measureProgress();
  const timer = setInterval(() => {
    const share = session.progress();
    if (share !== undefined) onShare(share);
  }, LOOK_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
