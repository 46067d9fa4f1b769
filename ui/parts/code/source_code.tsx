import { highlight, type Language } from "./highlight.ts";
import { plainText } from "../plain_text.ts";

/**
 * Source text with line numbers that are not copied with it. With an `anchor` each line can be
 * linked to as `#<anchor>-L<number>`.
 */
export function Code({ source, language, anchor }: { source: string; language: Language; anchor?: string }) {
  const lines = highlight(plainText(source), language);
  return (
    <pre class="code" tabindex={0}><code>{lines.map((tokens, index) => (
      <span class="line" {...(anchor === undefined ? {} : { id: `${anchor}-L${index + 1}` })}>
        {tokens.map(({ kind, text }) => kind === "plain" ? text : <span class={`tok-${kind}`}>{text}</span>)}
        {"\n"}
      </span>
    ))}</code></pre>
  );
}
