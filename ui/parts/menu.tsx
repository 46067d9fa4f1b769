import type { Child } from "hono/jsx";
import type { Permission } from "../../contract/access/permissions.ts";
import { formatShortCount } from "../../text/format.ts";
import { Icon } from "./icons.tsx";

/** What the menu asks of whoever looks. */
interface Looker {
  readonly may: (permission: Permission) => boolean;
  readonly openProblems?: number;
}

interface MenuEntry {
  readonly section: string;
  readonly href: string;
  readonly label: string;
  /** Shown to those who may; to all who have signed in by default. */
  readonly permission?: Permission;
  /** `wide`: in the bar where there is room for it, else under More. `more`: always there. In the bar by default. */
  readonly place?: "wide" | "more";
}

/** All sections, in the order of the menu. */
const MENU = [
  { section: "pipelines", href: "/", label: "Pipelines" },
  { section: "runs", href: "/runs", label: "Runs" },
  { section: "logs", href: "/logs", label: "Logs", place: "wide" },
  {
    section: "connectors",
    href: "/connectors",
    label: "Connectors",
    permission: "connector:view",
    place: "wide",
  },
  { section: "query", href: "/query", label: "Query", permission: "pipeline:data", place: "wide" },
  { section: "problems", href: "/problems", label: "Problems" },
  { section: "people", href: "/people", label: "People", permission: "people:manage", place: "more" },
  { section: "secrets", href: "/secrets", label: "Secrets", permission: "secrets:manage", place: "more" },
  { section: "audit", href: "/audit", label: "Audit", permission: "audit:read", place: "more" },
  { section: "account", href: "/account", label: "Account", place: "more" },
] as const satisfies readonly MenuEntry[];

export type Section = (typeof MENU)[number]["section"];

/** Where one can go. What has no room in the bar is under More, which opens without a script. */
export function Menu({ frame, section }: { frame: Looker; section: Section | undefined }) {
  const entries = MENU.filter((entry: MenuEntry) =>
    entry.permission === undefined || frame.may(entry.permission)
  );
  const placed = (...places: readonly MenuEntry["place"][]) =>
    entries.filter(({ place }: MenuEntry) => places.includes(place));
  const more = placed("wide", "more");
  const isAlways = placed("more").length > 0;
  return (
    <nav aria-label="Main">
      {placed(undefined, "wide").map((entry: MenuEntry) => (
        <MenuLink entry={entry} section={section} width={entry.place === "wide" ? "wide-only" : undefined}>
          <Count entry={entry} frame={frame} />
        </MenuLink>
      ))}
      {more.length > 0 && (
        <details class={isAlways ? "menu" : "menu narrow-only"}>
          <summary {...currentOf(more.find((entry) => entry.section === section))}>
            More
            <Icon name="chevron" />
          </summary>
          <ul class="panel">
            {more.map((entry: MenuEntry) => (
              <li>
                <MenuLink
                  entry={entry}
                  section={section}
                  width={entry.place === "wide" ? "narrow-only" : undefined}
                />
              </li>
            ))}
          </ul>
        </details>
      )}
    </nav>
  );
}

/** An entry that has room in the bar is only under More where it has none. */
function currentOf(entry: MenuEntry | undefined): { readonly "data-current"?: "always" | "narrow" } {
  if (entry === undefined) return {};
  return { "data-current": entry.place === "wide" ? "narrow" : "always" };
}

function Count({ entry, frame: { openProblems = 0 } }: { entry: MenuEntry; frame: Looker }) {
  if (entry.section !== "problems" || openProblems === 0) return null;
  return <span class="nav-count">{formatShortCount(openProblems)}</span>;
}

interface MenuLinkProps {
  readonly entry: MenuEntry;
  readonly section: Section | undefined;
  readonly width: "wide-only" | "narrow-only" | undefined;
  readonly children?: Child;
}

function MenuLink({ entry, section, width, children }: MenuLinkProps) {
  return (
    <a
      href={entry.href}
      class={width}
      {...(entry.section === section ? { "aria-current": "page" as const } : {})}
    >
      {entry.label}
      {children}
    </a>
  );
}
