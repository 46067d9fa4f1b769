/** Small line drawings in the text's own colour. They decorate: the word beside them carries the meaning. */

const PATHS = {
  succeeded: "M5 8.3l2.1 2.1L11.2 6",
  failed: "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  cancelled: "M4.2 11.8l7.6-7.6",
  queued: "M8 5v3.2l2 1.3",
  pending: "",
  skipped: "M5.5 8h5",
  running: "",
  play: "M5.5 3.8v8.4l6.6-4.2z",
  pause: "M6 4v8M10 4v8",
  stop: "M4.5 4.5h7v7h-7z",
  retry: "M12.6 6.5A5 5 0 1 0 13 8.6M12.9 3.4v3.2H9.7",
  extract: "M8 2.5v7M5 6.8l3 3 3-3M3 12.8h10",
  model: "M3 4.2h10M3 8h10M3 11.8h6",
  check: "M3.2 8.4l3.2 3.2 6.6-7",
  snapshot: "M3 5.5h2.4l1-1.7h3.2l1 1.7H13v7H3zM8 7.2a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  load: "M8 9.8v-7M5 5.5l3-3 3 3M3 12.8h10",
  lock: "M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2M3.6 7h8.8v6.3H3.6z",
  clock: "M8 5v3.2l2 1.3M8 2.3a5.7 5.7 0 1 0 0 11.4A5.7 5.7 0 0 0 8 2.3z",
  search: "M7.2 2.8a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8zM10.5 10.5l3 3",
  leave: "M6.5 3H3.5v10h3M7 8h6.2M10.6 5.2L13.4 8l-2.8 2.8",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  chevron: "M6 4l4 4-4 4",
} as const;

export type IconName = keyof typeof PATHS | "warned";

const CIRCLED: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "queued", "skipped"]);

/** A 16-pixel icon for beside a word that says the same: it is hidden from those who hear the page. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {CIRCLED.has(name) && <circle cx="8" cy="8" r="6.2" />}
      {name === "pending" && <circle cx="8" cy="8" r="6.2" stroke-dasharray="2.2 2.67" />}
      {name === "running" && <circle class="track" cx="8" cy="8" r="6.2" />}
      {name === "running" && <path class="sweep" d="M8 1.8A6.2 6.2 0 0 1 14.2 8" />}
      {name === "warned"
        ? <path d="M8 2.2l6.3 11.1H1.7zM8 6.4v3.2M8 11.4v.2" />
        : PATHS[name] !== "" && <path d={PATHS[name]} />}
    </svg>
  );
}

/** The mark: a gate with water passing under it. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path class="gate" d="M4 3v9M20 3v9M4 5.5h16M9.3 5.5V11M14.7 5.5V11" />
      <path class="water" d="M2.5 15.5c1.6-1.3 3.2-1.3 4.8 0s3.1 1.3 4.7 0 3.2-1.3 4.8 0 3.1 1.3 4.7 0" />
      <path class="water deep" d="M2.5 20c1.6-1.3 3.2-1.3 4.8 0s3.1 1.3 4.7 0 3.2-1.3 4.8 0 3.1 1.3 4.7 0" />
    </svg>
  );
}
