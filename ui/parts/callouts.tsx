import type { ErrorRecord } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import { formatPlural } from "../../text/format.ts";
import { Icon } from "./icons.tsx";
import { plainText } from "./plain_text.ts";

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

/** A message above the page's content: what was asked for is done. */
export function Done({ message, detail }: { message: string; detail?: string }) {
  return (
    <div class="callout good" role="status">
      <Icon name="succeeded" />
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
  const kind = fault.severity === "warning" ? "warning: " : "";
  return (
    <li>
      {href === undefined ? <code class="place">{place}</code> : <a class="place" href={href}>{place}</a>}
      <span>{kind !== "" && <b>{kind}</b>}{plainText(fault.message)}</span>
    </li>
  );
}
