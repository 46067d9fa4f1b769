import type { PromotedModel, PromotionPlan } from "../../../contract/environments/promotion.ts";
import { formatPlural } from "../../../text/format.ts";
import { Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Fact } from "../../parts/facts.tsx";
import { shortRevision } from "../../parts/format.ts";
import { Icon } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { DataTable } from "../../parts/tables/data_table.tsx";
import { Breakable } from "../../parts/steps/step_names.tsx";

export interface PromotionView {
  readonly frame: Frame;
  /** As orders@dev. */
  readonly name: string;
  readonly pipeline: string;
  readonly environment: string;
  /** Undefined where it cannot be promoted: the notice says why. */
  readonly plan: PromotionPlan["pipelines"][number] | undefined;
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** What comes of a pipeline's promotion, and the button that does it. */
export function PromotionPage({ frame, name, pipeline, environment, plan, notice }: PromotionView) {
  const path = `/pipelines/${encodeURIComponent(name)}`;
  return (
    <Layout frame={frame} title={`Promotion of ${name}`} section="pipelines">
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/">Pipelines</a> <span>/</span> <a href={path}>{name}</a>
          </p>
          <h1>Promotion</h1>
          <p class="lead">
            What is in force in {environment}{" "}
            goes into production, with the tables that production would build the same.
          </p>
        </div>
        {plan !== undefined && plan.revision !== null && frame.may("project:apply") && (
          <div class="actions">
            <form class="action" method="post" action={`${path}/promotion`}>
              <button class="button primary" type="submit">
                <Icon name="play" />
                <span>Promote to production</span>
              </button>
            </form>
          </div>
        )}
        {plan !== undefined && (
          <dl class="facts">
            <Fact name="In production">
              <a href={`/pipelines/${encodeURIComponent(pipeline)}`}>{pipeline}</a>
            </Fact>
            <Fact name="Revision">
              {plan.revision === null ? "none: it has faults" : (
                <>
                  <code>{shortRevision(plan.revision)}</code>
                  {plan.in_force && <span class="muted">in force already</span>}
                </>
              )}
            </Fact>
          </dl>
        )}
      </div>
      {notice !== undefined && <Notice {...notice} />}
      {plan !== undefined && plan.note !== null && <Notice message={plainText(plan.note)} />}
      {plan !== undefined && plan.note === null && <Models models={plan.models} environment={environment} />}
    </Layout>
  );
}

function Models(
  { models, environment }: { readonly models: readonly PromotedModel[]; readonly environment: string },
) {
  if (models.length === 0) {
    return (
      <div class="card">
        <Empty title="All tables stay as they are">
          <p>No model has changed since production built it.</p>
        </Empty>
      </div>
    );
  }
  return (
    <DataTable label="Models that change" heads={["Model", "Promotion", ""]} stacks>
      {models.map(({ model, outcome, reason, rows }) => (
        <tr>
          <td data-head="Model">
            <Breakable text={plainText(model)} />
          </td>
          <td data-head="Promotion">
            {outcome === "taken"
              ? <span class="badge">taken over</span>
              : <span class="badge idle">built by the next run</span>}
          </td>
          <td data-head="Why">
            {outcome === "built"
              ? plainText(reason ?? "")
              : rows === null
              ? "a view, made anew"
              : `${formatPlural(rows, "row")} of ${environment}`}
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
