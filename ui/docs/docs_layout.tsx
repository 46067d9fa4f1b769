import type { Child } from "hono/jsx";
import { Icon, Mark } from "../parts/icons.tsx";
import { plainText } from "../parts/plain_text.ts";
import { ICON_PATH, INDEX_PATH, relativePath, SCRIPT_PATH, SEARCH_PATH, STYLE_PATH } from "./site_paths.ts";

interface DocsLayoutProps {
  /** Where the page lies in the folder. */
  readonly path: string;
  readonly title: string;
  /** What the whole is called. */
  readonly site: string;
  /** Ways to the pages above it. */
  readonly crumbs?: readonly Crumb[];
  readonly heading: Child;
  readonly lead?: string | null;
  /** Beside the heading. */
  readonly facts?: Child;
  readonly children?: Child;
}

export interface Crumb {
  readonly name: string;
  readonly path: string;
}

/** A static page: what it needs lies beside it, and it runs no script of its own text. */
export function DocsLayout(props: DocsLayoutProps) {
  const { path, title, site, crumbs = [], heading, lead, facts, children } = props;
  const to = (other: string) => relativePath(path, other);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>{title === site ? plainText(site) : `${plainText(title)} · ${plainText(site)}`}</title>
        <link rel="icon" href={to(ICON_PATH)} type="image/svg+xml" />
        <link rel="stylesheet" href={to(STYLE_PATH)} />
        <script defer src={to(SCRIPT_PATH)}></script>
      </head>
      <body data-root={to("")} data-search={to(SEARCH_PATH)}>
        <a class="skip-link" href="#main">Skip to content</a>
        <header class="top">
          <div class="top-inner">
            <a class="brand" href={to(INDEX_PATH)}>
              <Mark />
              <span class="brand-name">{plainText(site)}</span>
            </a>
            <div class="docs-search" role="search" hidden>
              <div class="search">
                <Icon name="search" />
                <input
                  type="search"
                  placeholder="Tables, columns, macros"
                  aria-label="Search"
                  aria-controls="search-results"
                  autocomplete="off"
                  spellcheck={false}
                />
              </div>
              <ul id="search-results" class="docs-results" aria-live="polite" hidden></ul>
            </div>
          </div>
        </header>
        <main id="main">
          <div class="page-head">
            <div class="page-title">
              {crumbs.length > 0 && (
                <p class="crumbs">
                  {crumbs.map(({ name, path: other }, index) => (
                    <>
                      {index > 0 && <span>/</span>}
                      <a href={to(other)}>{plainText(name)}</a>
                    </>
                  ))}
                </p>
              )}
              <h1>{heading}</h1>
              {lead !== null && lead !== undefined && lead !== "" && <p class="lead">{plainText(lead)}</p>}
            </div>
            {facts !== undefined && <dl class="facts">{facts}</dl>}
          </div>
          {children}
        </main>
      </body>
    </html>
  );
}

/** A heading with what it is over; nothing where there is nothing. */
export function DocsSection(
  { id, title, count, children }: {
    readonly id: string;
    readonly title: string;
    readonly count?: number;
    readonly children: Child;
  },
) {
  return (
    <section aria-labelledby={`${id}-title`} id={id}>
      <h2 id={`${id}-title`}>
        {title} {count !== undefined && <span class="count">{count}</span>}
      </h2>
      {children}
    </section>
  );
}
