import type { Child } from "hono/jsx";
import { shortCommit, shortRevision } from "./format.ts";

/** The revision's id and the commit that it was read from. */
export function RevisionLabel({ revision, commit }: { revision: string; commit: string | null }) {
  return (
    <>
      <code title={revision}>{shortRevision(revision)}</code>
      {commit !== null && (
        <>
          · <code title={`git commit ${commit}`}>{shortCommit(commit)}</code>
        </>
      )}
    </>
  );
}

/** One named value of a list of facts. */
export function Fact({ name, children }: { name: string; children?: Child }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
