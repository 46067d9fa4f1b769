import { Icon } from "../icons.tsx";

/** What is looked for among the steps of the page that it is on. */
export function FindForm({ what, find }: { what: string; find: string }) {
  const label = `Part of a ${what}'s name`;
  return (
    <form class="search find" method="get" action="#steps-title" role="search">
      <Icon name="search" />
      <input type="search" name="find" value={find} placeholder={label} aria-label={label} maxlength={200} />
    </form>
  );
}
