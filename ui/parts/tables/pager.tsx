import { Icon } from "../icons.tsx";

/** A page of a list. */
export interface Shown<T> {
  readonly items: readonly T[];
  /** Whether it begins with the newest. */
  readonly isFirst: boolean;
  /** The cursor of the next page; null where this is the last. */
  readonly next: string | null;
}

interface PagerProps {
  /** What the pages are of, for who does not see them. */
  readonly label: string;
  /** The addresses; undefined where there is nothing to go to. */
  readonly newest: string | undefined;
  readonly older: string | undefined;
}

/** The ways to the first and to the next page of a list. */
export function Pager({ label, newest, older }: PagerProps) {
  return (
    <nav class="pages" aria-label={label}>
      {newest !== undefined && <a class="button quiet" href={newest}>Newest</a>}
      {older !== undefined && (
        <a class="button quiet" rel="next" href={older}>
          <span>Older</span>
          <Icon name="chevron" />
        </a>
      )}
    </nav>
  );
}
