import { plainText, truncate } from "../plain_text.ts";
import { BOX_WIDTH } from "./box_layout.ts";
import {
  HEAD_HEIGHT,
  type Picture,
  type PictureBox,
  type PictureColumn,
  type PictureEdge,
  ROW_HEIGHT,
} from "./lineage_picture.ts";
import { tableTitle } from "./table_title.ts";

const MARGIN = 3;
/** What a line of the box's width holds. */
const TITLE_CHARS = 27;
const NAME_CHARS = 25;

/** Addresses of what a click selects. */
export interface LineageLinks {
  /** The tables around this one alone. */
  readonly table: (id: string) => string;
  readonly column: (id: string, column: string) => string;
}

/** Tables as boxes with their columns, and where these come from. */
export function LineageGraph(
  { picture, links, current }: {
    readonly picture: Picture;
    readonly links: LineageLinks;
    /** The table that the page is about. */
    readonly current?: string;
  },
) {
  const { boxes, edges } = picture;
  const width = Math.ceil(picture.width) + 2 * MARGIN;
  const height = Math.ceil(picture.height) + 2 * MARGIN;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Graph of the lineage">
      <svg
        class={`graph lineage${picture.hasSelection ? " has-selection" : ""}`}
        width={width}
        height={height}
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
      >
        {edges.filter(({ isOnWay }) => !isOnWay).map((edge) => <Edge edge={edge} />)}
        {edges.filter(({ isOnWay }) => isOnWay).map((edge) => <Edge edge={edge} />)}
        {boxes.map((box) => <TableBox box={box} links={links} isCurrent={box.table.id === current} />)}
      </svg>
    </div>
  );
}

function Edge({ edge }: { readonly edge: PictureEdge }) {
  const way = edge.way === undefined ? "of-tables" : `way-${edge.way}`;
  return (
    <path
      class={`edge ${way}${edge.isOnWay ? " on-way" : ""}`}
      d={edge.path}
      data-from={edge.from}
      data-to={edge.to}
    />
  );
}

function TableBox(
  { box, links, isCurrent }: {
    readonly box: PictureBox;
    readonly links: LineageLinks;
    readonly isCurrent: boolean;
  },
) {
  const { table, columns, more } = box;
  const { title, about } = tableTitle(table);
  const rows = columns.map((column, index) => (
    <ColumnRow
      column={column}
      y={HEAD_HEIGHT + index * ROW_HEIGHT}
      href={links.column(table.id, column.name)}
    />
  ));
  return (
    <svg
      class={`lineage-box kind-${table.kind}${box.isOnWay ? " on-way" : ""}${isCurrent ? " is-current" : ""}`}
      x={box.x}
      y={box.y}
      width={BOX_WIDTH}
      height={box.height}
    >
      <rect class="node-box" x="0.75" y="0.75" width={BOX_WIDTH - 1.5} height={box.height - 1.5} rx="7" />
      <a href={links.table(table.id)} class="node" data-step={table.id}>
        <title>
          {table.unknown === undefined ? title : `${title}: not known: ${plainText(table.unknown)}`}
        </title>
        <rect class="node-kind" x="0.75" y="9" width="3.5" height={HEAD_HEIGHT - 16} rx="1.5" />
        <text class="node-name" x="14" y="18">{truncate(title, TITLE_CHARS)}</text>
        <text class="node-about" x="14" y="33">
          {table.unknown === undefined ? truncate(about, TITLE_CHARS + 4) : "not known"}
        </text>
      </a>
      {columns.length + more > 0 && (
        <path class="lineage-line" d={`M1 ${HEAD_HEIGHT - 0.5}H${BOX_WIDTH - 1}`} />
      )}
      {rows}
      {more > 0 && (
        <text class="node-about" x="14" y={HEAD_HEIGHT + columns.length * ROW_HEIGHT + 14}>
          {columns.length === 0 ? `${more} columns` : `${more} more`}
        </text>
      )}
    </svg>
  );
}

function ColumnRow(
  { column, y, href }: { readonly column: PictureColumn; readonly y: number; readonly href: string },
) {
  const { name, type, isPii, isOnWay, isSelected } = column;
  return (
    <a href={href} class={`lineage-column${isOnWay ? " on-way" : ""}${isSelected ? " is-selected" : ""}`}>
      <title>
        {`${plainText(name)}${type === undefined ? "" : ` ${type}`}${isPii ? ", personal data" : ""}`}
      </title>
      <rect class="lineage-row" x="1.5" y={y} width={BOX_WIDTH - 3} height={ROW_HEIGHT} />
      <text class="lineage-name" x="14" y={y + 13.5}>
        {truncate(plainText(name), isPii ? NAME_CHARS - 5 : NAME_CHARS)}
      </text>
      {isPii && <text class="lineage-pii" x={BOX_WIDTH - 10} y={y + 13.5}>pii</text>}
    </a>
  );
}
