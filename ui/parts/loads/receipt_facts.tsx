import type { Step } from "../../../contract/run.ts";
import { formatCount } from "../../../text/format.ts";
import { Fact } from "../facts.tsx";
import { Moment } from "../times.tsx";

/** What a load's step has left; nothing for other steps, and for one that left nothing. */
export function ReceiptFacts({ step }: { step: Step }) {
  if (step.kind !== "load" || step.state !== "succeeded") return null;
  const { rows, inserted, updated, deleted, hash, verified, finished_at: at } = step;
  return (
    <>
      {rows !== null && <Fact name="Rows sent">{formatCount(rows)}</Fact>}
      {inserted !== undefined && <Fact name="New">{formatCount(inserted)}</Fact>}
      {updated !== undefined && <Fact name="Changed">{formatCount(updated)}</Fact>}
      {deleted !== undefined && <Fact name="Gone">{formatCount(deleted)}</Fact>}
      {hash !== undefined && (
        <Fact name="Hash of the rows">
          <code>{hash}</code>
        </Fact>
      )}
      <Fact name="Read back">
        {verified === true && at !== null
          ? (
            <>
              the same, <Moment at={at} />
            </>
          )
          : "no"}
      </Fact>
    </>
  );
}
