import { shortId } from "../format.ts";

/** A run by the end of its id, which leads to its page. */
export function RunLink({ id }: { id: string }) {
  return (
    <a href={`/runs/${encodeURIComponent(id)}`}>
      <code>{shortId(id)}</code>
    </a>
  );
}
