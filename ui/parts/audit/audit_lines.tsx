import { AUDIT_ACTIONS, type AuditValue } from "../../../contract/audit/entry.ts";
import type { AuditLine } from "../../../contract/audit/line.ts";
import { plainText } from "../plain_text.ts";
import { Badge } from "../states.tsx";
import { Moment } from "../times.tsx";

/** Lines of the audit log as sentences, each with what is known beside and with what has changed. */
export function AuditLines({ lines }: { readonly lines: readonly AuditLine[] }) {
  return (
    <ol class="card audit-lines">
      {lines.map((line) => <Line line={line} />)}
    </ol>
  );
}

function Line({ line }: { readonly line: AuditLine }) {
  const { seq, at, action, actor, outcome, details, change } = line;
  const facts = [
    ...(actor.address === null ? [] : [`from ${actor.address}`]),
    ...(details === null ? [] : leaves(details).map(([name, text]) => `${name} ${text}`)),
  ];
  return (
    <li id={`line-${seq}`}>
      <p class="audit-what">
        <span class="muted audit-at" title={`Line ${seq}`}>
          <Moment at={at} />
        </span>
        <span class="audit-sentence">
          <a href={`/audit?${new URLSearchParams({ actor: actor.name })}`}>{plainText(actor.name)}</a>{" "}
          {AUDIT_ACTIONS[action] ?? plainText(action)} <Target line={line} />
          {outcome !== "done" && <Badge kind={outcome === "refused" ? "warn" : "bad"}>{outcome}</Badge>}
        </span>
      </p>
      {facts.length > 0 && <p class="muted audit-facts">{plainText(facts.join(" · "))}</p>}
      {change !== null && <Change before={change.before} after={change.after} />}
    </li>
  );
}

/** Of these there is one: the sentence names it. */
const THE_ONE: ReadonlySet<string> = new Set(["audit", "project", "server"]);

/** With a way to it where it has a page. */
function Target({ line: { target, pipeline } }: { readonly line: AuditLine }) {
  if (target === null || THE_ONE.has(target.kind)) return null;
  const path = target.kind === "pipeline" ? "/pipelines/" : target.kind === "run" ? "/runs/" : undefined;
  const name = path === undefined
    ? plainText(target.name)
    : <a href={`${path}${encodeURIComponent(target.name)}`}>{plainText(target.name)}</a>;
  return (
    <>
      <span class="muted">· {target.kind}</span> {name}
      {pipeline !== null && target.kind === "run" && <span class="muted">{` of ${plainText(pipeline)}`}
      </span>}
    </>
  );
}

/** What was and what is, by its name; what has stayed the same is left out. */
function Change({ before, after }: { readonly before: AuditValue; readonly after: AuditValue }) {
  const [was, is] = [new Map(leaves(before)), new Map(leaves(after))];
  const names = [...new Set([...was.keys(), ...is.keys()])].filter((name) => was.get(name) !== is.get(name));
  if (names.length === 0) return null;
  return (
    <details class="audit-change">
      <summary>
        {before === null ? "What it was made as" : after === null ? "What it was" : "What has changed"}
      </summary>
      <dl>
        {names.map((name) => (
          <div>
            <dt>{plainText(name === "" ? "value" : name)}</dt>
            <dd>
              {was.has(name) && <del>{plainText(was.get(name) ?? "")}</del>}
              {is.has(name) && <ins>{plainText(is.get(name) ?? "")}</ins>}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** The values of what may be nested, by their path, as text: `schedule › cron`. */
function leaves(value: AuditValue, path = ""): [string, string][] {
  if (value === null) return path === "" ? [] : [[path, "none"]];
  if (Array.isArray(value)) {
    return [[path, value.length === 0 ? "none" : value.map((one) => shortText(one)).join(", ")]];
  }
  if (typeof value !== "object") return [[path, String(value)]];
  return Object.entries(value).flatMap(([key, one]) => leaves(one, path === "" ? key : `${path} › ${key}`));
}

const shortText = (value: AuditValue): string =>
  typeof value === "string"
    ? value
    : value !== null && typeof value === "object"
    ? Object.values(value).map(shortText).join(" ")
    : String(value);
