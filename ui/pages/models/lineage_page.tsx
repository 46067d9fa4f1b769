import { tableElsewhere } from "../../../contract/lineage/across.ts";
import type {
  ColumnInfluence,
  ColumnLineage,
  ColumnSource,
  PipelineLineage,
  TableLineage,
} from "../../../contract/lineage/lineage.ts";
import { Empty } from "../../parts/empty.tsx";
import { Fact } from "../../parts/facts.tsx";
import { Icon } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { LineageGraph, type LineageLinks } from "../../parts/lineage/lineage_graph.tsx";
import type { Picture } from "../../parts/lineage/lineage_picture.ts";
import { tableTitle } from "../../parts/lineage/table_title.ts";
import { plainText } from "../../parts/plain_text.ts";

export interface LineageView {
  readonly frame: Frame;
  readonly pipeline: string;
  /** The whole pipeline's. */
  readonly lineage: PipelineLineage;
  /** Only what this table is made of and goes into is in the picture. */
  readonly focus: TableLineage | undefined;
  /** The one that is told of below. */
  readonly table: TableLineage | undefined;
  /** Of that table. */
  readonly column: ColumnLineage | undefined;
  /** Undefined where it would be too large. */
  readonly picture: Picture | undefined;
}

/** Where the columns of a pipeline's tables come from, and where they go to. */
export function LineagePage(view: LineageView) {
  const { frame, pipeline, lineage, focus, table, picture } = view;
  const links = linksOf(pipeline, focus);
  return (
    <Layout frame={frame} title={`Lineage of ${pipeline}`} section="pipelines">
      <Head pipeline={pipeline} focus={focus} links={links} />
      {lineage.tables.length === 0
        ? (
          <div class="card">
            <Empty title="No lineage">
              <p>It is found when a definition comes in force.</p>
            </Empty>
          </div>
        )
        : (
          <>
            <Choice lineage={lineage} focus={focus} pipeline={pipeline} />
            {table !== undefined && <Details {...view} table={table} links={links} />}
            <section>
              <div class="section-head">
                <h2>{focus === undefined ? "Tables" : `Around ${tableTitle(focus).title}`}</h2>
              </div>
              <div class="card" data-graph>
                {picture === undefined
                  ? (
                    <Empty title="Too many tables for one picture">
                      <p>Choose one above: the picture then has what it is made of and what is made of it.</p>
                    </Empty>
                  )
                  : <LineageGraph picture={picture} links={links} />}
              </div>
              <Legend />
            </section>
          </>
        )}
    </Layout>
  );
}

interface PageLinks extends LineageLinks {
  readonly pipeline: string;
  readonly whole: string;
}

function linksOf(pipeline: string, focus: TableLineage | undefined): PageLinks {
  const path = `/pipelines/${encodeURIComponent(pipeline)}`;
  const around = focus === undefined ? "" : `model=${encodeURIComponent(focus.id)}&`;
  return {
    pipeline: path,
    whole: `${path}/lineage`,
    table: (id) => {
      const there = tableElsewhere(id);
      const page = there === undefined ? path : `/pipelines/${encodeURIComponent(there.pipeline)}`;
      return `${page}/lineage?model=${encodeURIComponent(there?.id ?? id)}`;
    },
    column: (id, column) =>
      `${path}/lineage?${around}table=${encodeURIComponent(id)}&column=${encodeURIComponent(column)}`,
  };
}

function Head(
  { pipeline, focus, links }: {
    readonly pipeline: string;
    readonly focus: TableLineage | undefined;
    readonly links: PageLinks;
  },
) {
  return (
    <div class="page-head">
      <div class="page-title">
        <p class="crumbs">
          <a href="/">Pipelines</a> <span>/</span> <a href={links.pipeline}>{pipeline}</a>
          {focus !== undefined && (
            <>
              {" "}
              <span>/</span> <a href={links.whole}>Lineage</a>
            </>
          )}
        </p>
        <h1>{focus === undefined ? "Lineage" : `Lineage of ${tableTitle(focus).title}`}</h1>
        <p class="lead">Where columns come from, and where they go to. A click on a column shows its ways.</p>
      </div>
    </div>
  );
}

function Choice(
  { lineage, focus, pipeline }: {
    readonly lineage: PipelineLineage;
    readonly focus: TableLineage | undefined;
    readonly pipeline: string;
  },
) {
  const name = (table: TableLineage) => table.kind === "model" ? table.name : table.id;
  return (
    <form
      class="lineage-choice"
      method="get"
      action={`/pipelines/${encodeURIComponent(pipeline)}/lineage`}
      role="search"
    >
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          name="model"
          list="lineage-tables"
          placeholder="A model or raw.stream"
          aria-label="Table"
          value={focus === undefined ? "" : plainText(name(focus))}
        />
      </div>
      <datalist id="lineage-tables">
        {lineage.tables.map((table) => <option value={plainText(name(table))} />)}
      </datalist>
      <button class="button quiet" type="submit">Show</button>
      {focus !== undefined && (
        <a class="button quiet" href={`/pipelines/${encodeURIComponent(pipeline)}/lineage`}>All tables</a>
      )}
    </form>
  );
}

const WAY_WORDS = { direct: "copied", transformed: "transformed", aggregated: "aggregated" } as const;

/** What is to say of the table, or of its selected column. */
function Details(
  { table, column, lineage, links }: LineageView & {
    readonly table: TableLineage;
    readonly links: PageLinks;
  },
) {
  const { title, about } = tableTitle(table);
  const influences = [...column?.influences ?? [], ...table.influences];
  const readers = lineage.tables.filter(({ reads }) => reads.includes(table.id));
  return (
    <div class="card facts-card">
      <dl class="facts">
        <Fact name={column === undefined ? "Table" : "Column"}>
          {column === undefined ? title : (
            <>
              <strong>{plainText(column.name)}</strong> of {title}
            </>
          )} <span class="muted">{column?.type ?? about}</span>
        </Fact>
        {column !== undefined && (
          <Fact name="Made of">
            {column.sources.length === 0
              ? (
                <span class="muted">
                  {table.unknown === undefined ? "nothing: it is made here" : "not known"}
                </span>
              )
              : <SourceList sources={column.sources} lineage={lineage} links={links} />}
          </Fact>
        )}
        {column !== undefined && (
          <Fact name="Goes into">
            <TargetList table={table} column={column} lineage={lineage} links={links} />
          </Fact>
        )}
        {column === undefined && readers.length > 0 && (
          <Fact name="Read by">
            <span class="lineage-list">
              {readers.map((reader) => <a href={links.table(reader.id)}>{tableTitle(reader).title}</a>)}
            </span>
          </Fact>
        )}
        {influences.length > 0 && (
          <Fact name="Depends on">
            <InfluenceList influences={influences} lineage={lineage} links={links} />
          </Fact>
        )}
        {column !== undefined && <PiiFact column={column} />}
        {table.unknown !== undefined && <Fact name="Not known">{plainText(table.unknown)}</Fact>}
      </dl>
    </div>
  );
}

function PiiFact({ column: { pii, pii_declared: declared } }: { readonly column: ColumnLineage }) {
  if (pii !== true && declared === undefined) return null;
  return (
    <Fact name="Personal data">
      {pii === true
        ? <>yes{declared?.pii === true && <span class="muted">, it is declared so</span>}</>
        : <>no: {plainText(declared?.reason ?? "")}</>}
    </Fact>
  );
}

interface ListProps {
  readonly lineage: PipelineLineage;
  readonly links: PageLinks;
}

function SourceList({ sources, lineage, links }: ListProps & { readonly sources: readonly ColumnSource[] }) {
  return (
    <span class="lineage-list">
      {sources.map((source) => (
        <span>
          <ColumnLink {...source} lineage={lineage} links={links} />{" "}
          <span class="muted">{WAY_WORDS[source.way]}{source.hidden === true && ", hidden"}</span>
        </span>
      ))}
    </span>
  );
}

function TargetList(
  { table, column, lineage, links }: ListProps & {
    readonly table: TableLineage;
    readonly column: ColumnLineage;
  },
) {
  const targets = lineage.tables.flatMap((reader) =>
    reader.columns.flatMap((one) => {
      const source = one.sources.find((source) => source.table === table.id && source.column === column.name);
      return source === undefined ? [] : [{ table: reader.id, column: one.name, way: source.way }];
    })
  );
  if (targets.length === 0) return <span class="muted">nothing</span>;
  return (
    <span class="lineage-list">
      {targets.map((target) => (
        <span>
          <ColumnLink {...target} lineage={lineage} links={links} />{" "}
          <span class="muted">{WAY_WORDS[target.way]}</span>
        </span>
      ))}
    </span>
  );
}

function InfluenceList(
  { influences, lineage, links }: ListProps & { readonly influences: readonly ColumnInfluence[] },
) {
  return (
    <span class="lineage-list">
      {influences.map((influence) => (
        <span>
          <ColumnLink {...influence} lineage={lineage} links={links} />{" "}
          <span class="muted">{influence.influences.join(", ")}</span>
        </span>
      ))}
    </span>
  );
}

function ColumnLink(
  { table, column, lineage, links }: ListProps & { readonly table: string; readonly column: string },
) {
  const found = lineage.tables.find(({ id }) => id === table);
  const title = found === undefined ? table : tableTitle(found).title;
  return <a href={links.column(table, column)}>{`${title}.${plainText(column)}`}</a>;
}

function Legend() {
  return (
    <p class="muted lineage-legend">
      <span class="way-direct">copied</span>
      <span class="way-transformed">transformed</span>
      <span class="way-aggregated">aggregated</span>
    </p>
  );
}
