import type { Child } from "hono/jsx";
import type { ErrorRecord } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import { formatPlural, shortCommit, shortRevision } from "./format.ts";
import { Icon, type IconName } from "./icons.tsx";
import { plainText } from "./text.ts";

/** A button that posts one form and nothing else. */
export function ActionForm(
  { action, icon, label, kind, title }: ActionFormProps,
) {
  return (
    <form class="action" method="post" action={action}>
      <button
        class={`button ${kind ?? ""}`}
        type="submit"
        {...(title === undefined ? {} : { "aria-label": title })}
      >
        <Icon name={icon} />
        <span>{label}</span>
      </button>
    </form>
  );
}

interface ActionFormProps {
  readonly action: string;
  readonly icon: IconName;
  readonly label: string;
  readonly kind?: "primary" | "danger" | "quiet";
  /** The label with its object, for those who hear the buttons one after the other. */
  readonly title?: string;
}

/** What a page says where there is nothing to show. */
export function Empty({ title, children }: { title: string; children?: Child }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** A message above the page's content: what was asked for did not happen, and why. */
export function Notice({ message, detail }: { message: string; detail?: string }) {
  return (
    <div class="callout bad" role="alert">
      <Icon name="failed" />
      <div>
        <p class="callout-title">{plainText(message)}</p>
        {detail !== undefined && <p class="callout-detail">{plainText(detail)}</p>}
      </div>
    </div>
  );
}

/** An error with its code, and the driver's own words folded away. */
export function ErrorBox({ error, title }: { error: ErrorRecord; title?: string }) {
  return (
    <div class="callout bad">
      <Icon name="failed" />
      <div>
        {title !== undefined && <p class="callout-title">{title}</p>}
        <p class="error-message">{plainText(error.message)}</p>
        {error.detail !== undefined && (
          <details class="error-detail">
            <summary>Details</summary>
            <pre tabindex={0}>{plainText(error.detail)}</pre>
          </details>
        )}
        <p class="callout-note">
          Error code <code>{error.code}</code>
        </p>
      </div>
    </div>
  );
}

/** The faults of a definition that is not in force. `linkTo` is where a fault's line can be read. */
export function FaultList({ faults, linkTo }: {
  faults: readonly Fault[];
  linkTo: (fault: Fault) => string | undefined;
}) {
  const errors = faults.filter((fault) => fault.severity === "error").length;
  const warnings = faults.length - errors;
  const title = [
    errors > 0 ? formatPlural(errors, "fault") : undefined,
    warnings > 0 ? formatPlural(warnings, "warning") : undefined,
  ].filter((part) => part !== undefined).join(", ");
  return (
    <section class={`callout ${errors > 0 ? "bad" : "warn"}`} aria-label="Faults of the definition">
      <Icon name={errors > 0 ? "failed" : "warned"} />
      <div>
        <p class="callout-title">
          {title}
          {errors > 0 && <span class="callout-aside">The last good revision stays in force.</span>}
        </p>
        <ul class="faults">
          {faults.map((fault) => <FaultItem fault={fault} href={linkTo(fault)} />)}
        </ul>
      </div>
    </section>
  );
}

function FaultItem({ fault, href }: { fault: Fault; href: string | undefined }) {
  const place = [fault.file, fault.line, fault.line === undefined ? undefined : fault.column]
    .filter((part) => part !== undefined).join(":");
  return (
    <li>
      {href === undefined ? <code class="place">{place}</code> : <a class="place" href={href}>{place}</a>}
      <span>{fault.severity === "warning" && <b>warning:</b>}{plainText(fault.message)}</span>
    </li>
  );
}

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
