import { plainText } from "../plain_text.ts";

const KINDS: Readonly<Record<string, string>> = { "+": "added", "-": "removed", "@": "place" };

/** A unified diff, without the lines that name its files; what was added and removed has its sign and its colour. */
export function Diff({ diff }: { readonly diff: string }) {
  const lines = plainText(diff).trimEnd().split("\n").filter((line) => !/^(?:---|\+\+\+) /.test(line));
  return (
    <pre class="code diff" tabindex={0}><code>{lines.map((line) => (
      <span class={`line ${KINDS[line.slice(0, 1)] ?? ""}`}>{`${line}\n`}</span>
    ))}</code></pre>
  );
}
