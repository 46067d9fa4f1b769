import type { AuditLine } from "../../../contract/audit/line.ts";
import type { AuditConditions } from "../../../engine/control/audit/reader.ts";
import { AuditForm } from "../../parts/audit/audit_form.tsx";
import { AuditLines } from "../../parts/audit/audit_lines.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { Pager, type Shown } from "../../parts/tables/pager.tsx";

export interface AuditView {
  readonly frame: Frame;
  readonly values: AuditConditions;
  readonly shown: Shown<AuditLine>;
  readonly notice?: { readonly message: string };
}

/** Who did what, the newest first. */
export function AuditPage({ frame, values, shown, notice }: AuditView) {
  const at = (more: Record<string, string>) => `/audit?${new URLSearchParams({ ...values, ...more })}`;
  const exported = (format: string) => `/api/audit/export?${new URLSearchParams({ ...values, format })}`;
  return (
    <Layout frame={frame} title="Audit" section="audit">
      <div class="page-head">
        <div class="page-title">
          <h1>Audit</h1>
          <p class="lead">
            Who did what. Lines are never changed, and each holds the hash of the one before it.
          </p>
        </div>
        <div class="actions">
          <a class="button quiet" href={exported("csv")}>Export CSV</a>
          <a class="button quiet" href={exported("ndjson")}>Export JSON</a>
        </div>
      </div>
      <AuditForm values={values} />
      {notice !== undefined && <Notice {...notice} />}
      {shown.items.length === 0
        ? (
          <div class="card">
            <Empty title="No line fits this" />
          </div>
        )
        : <AuditLines lines={shown.items} />}
      <Pager
        label="More lines"
        newest={shown.isFirst ? undefined : at({})}
        older={shown.next === null ? undefined : at({ cursor: shown.next })}
      />
    </Layout>
  );
}
