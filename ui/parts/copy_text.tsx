import { Icon } from "./icons.tsx";
import { plainText } from "./plain_text.ts";

interface CopyTextProps {
  readonly title: string;
  /** What the text is, for those who hear the page. */
  readonly label: string;
  readonly text: string;
  readonly note: string;
}

/** A text that is shown once, to be copied. */
export function CopyText({ title, label, text, note }: CopyTextProps) {
  return (
    <div class="callout good" role="status">
      <Icon name="succeeded" />
      <div>
        <p class="callout-title">{plainText(title)}</p>
        <input
          class="copy-text"
          value={text}
          readonly
          aria-label={label}
          autocomplete="off"
          spellcheck={false}
        />
        <p class="callout-note">{note}</p>
      </div>
    </div>
  );
}
