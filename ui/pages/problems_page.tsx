import type { Delivery, NotifierTest, NotifierView, Problem } from "../../contract/alerts/problem.ts";
import { formatCount } from "../../text/format.ts";
import { Empty } from "../parts/empty.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { NotifierTable } from "../parts/alerts/notifier_table.tsx";
import { DeliveryTable } from "../parts/alerts/delivery_table.tsx";
import { ProblemList } from "../parts/alerts/problem_list.tsx";
import { Pager, type Shown } from "../parts/tables/pager.tsx";
import { plainText } from "../parts/plain_text.ts";

export interface ProblemsView {
  readonly frame: Frame;
  /** Whether the problems are those that are over. */
  readonly isClosed: boolean;
  readonly problems: Shown<Problem>;
  /** How many are open. */
  readonly openCount: number;
  readonly notifiers: readonly NotifierView[];
  /** The newest first. */
  readonly deliveries: Shown<Delivery>;
  /** What a notifier has just said to a test. */
  readonly test?: NotifierTest;
}

/** What is wrong now, who is told of it, and what was sent. */
export function ProblemsPage(
  { frame, isClosed, problems, openCount, notifiers, deliveries, test }: ProblemsView,
) {
  const mayChange = frame.may("pipeline:alert");
  return (
    <Layout frame={frame} title="Problems" section="problems" refreshSeconds={20}>
      <div class="page-head">
        <h1>Problems</h1>
      </div>
      <nav class="tabs" aria-label="Problems by state">
        <a href="/problems" {...(isClosed ? {} : { "aria-current": "true" as const })}>
          open <span class="count">{formatCount(openCount)}</span>
        </a>
        <a href="/problems?state=closed" {...(isClosed ? { "aria-current": "true" as const } : {})}>over</a>
      </nav>
      <div id="problems" data-live>
        {problems.items.length === 0
          ? <NoProblems isClosed={isClosed} />
          : <ProblemList problems={problems.items} nowMs={frame.nowMs} mayChange={mayChange} />}
      </div>
      <Pager
        label="Older and newer problems"
        newest={problems.isFirst ? undefined : problemsUrl(isClosed, {})}
        older={problems.next === null ? undefined : problemsUrl(isClosed, { cursor: problems.next })}
      />
      <section aria-labelledby="notifiers-title">
        <h2 id="notifiers-title">
          Notifiers <span class="count">{notifiers.length}</span>
        </h2>
        {test !== undefined && (
          <p class="told" role="status">
            {plainText(
              `${test.notifier} ${
                test.ok ? "took the message" : "did not take the message"
              }: ${test.message}`,
            )}
          </p>
        )}
        {notifiers.length === 0
          ? (
            <Empty title="Nobody is told">
              <p>
                <code>notifiers.yaml</code> says where messages go, and <code>notify</code>{" "}
                of a pipeline what they tell of.
              </p>
            </Empty>
          )
          : <NotifierTable notifiers={notifiers} nowMs={frame.nowMs} mayTest={mayChange} />}
      </section>
      {deliveries.items.length > 0 && (
        <section aria-labelledby="deliveries-title">
          <h2 id="deliveries-title">Last messages</h2>
          <div id="deliveries" data-live>
            <DeliveryTable deliveries={deliveries.items} nowMs={frame.nowMs} />
          </div>
          <Pager
            label="Older and newer messages"
            newest={deliveries.isFirst ? undefined : `${problemsUrl(isClosed, {})}#deliveries-title`}
            older={deliveries.next === null
              ? undefined
              : `${problemsUrl(isClosed, { messages: deliveries.next })}#deliveries-title`}
          />
        </section>
      )}
    </Layout>
  );
}

function problemsUrl(isClosed: boolean, page: { cursor?: string; messages?: string }): string {
  const query = new URLSearchParams({ ...(isClosed ? { state: "closed" } : {}), ...page });
  return query.size === 0 ? "/problems" : `/problems?${query}`;
}

function NoProblems({ isClosed }: { isClosed: boolean }) {
  return isClosed ? <Empty title="Nothing was wrong yet" /> : (
    <Empty title="Nothing is wrong">
      <p>A run that fails, is late or warns shows here until it is over.</p>
    </Empty>
  );
}
