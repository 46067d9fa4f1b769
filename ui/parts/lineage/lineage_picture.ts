import type { PipelineLineage, TableLineage, Way } from "../../../contract/lineage/lineage.ts";
import { traceLineage } from "../../../contract/lineage/trace.ts";
import { BOX_WIDTH, layoutBoxes } from "./box_layout.ts";

/** What the picture of a lineage shows: boxes with rows, and curves between these. */

export interface PictureColumn {
  readonly name: string;
  readonly type: string | undefined;
  readonly isPii: boolean;
  /** Of the selected column's ways. */
  readonly isOnWay: boolean;
  readonly isSelected: boolean;
}

export interface PictureBox {
  readonly table: TableLineage;
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly columns: readonly PictureColumn[];
  /** Columns that are not shown. */
  readonly more: number;
  readonly isOnWay: boolean;
}

export interface PictureEdge {
  readonly from: string;
  readonly to: string;
  readonly path: string;
  /** Undefined for an edge between tables as a whole. */
  readonly way: Way | undefined;
  readonly isOnWay: boolean;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly PictureBox[];
  readonly edges: readonly PictureEdge[];
  /** Whether a column is selected, so that what is not on its ways steps back. */
  readonly hasSelection: boolean;
}

export interface Selected {
  readonly table: string;
  readonly column: string;
}

export const HEAD_HEIGHT = 40;
export const ROW_HEIGHT = 19;
const FOOT = 5;
/** A box has no more rows than these, and those of the selected column's ways. */
const MOST_ROWS = 40;
/** A picture of more columns shows the tables alone, and the ways of what is selected. */
const MOST_COLUMNS = 4_000;

/** Draws all tables of the lineage, which may be a part of a pipeline's. `whole` is the pipeline's. */
export async function drawLineage(
  shown: PipelineLineage,
  whole: PipelineLineage,
  selected: Selected | undefined,
): Promise<Picture> {
  const ways = waysOf(whole, selected);
  const count = shown.tables.reduce((sum, { columns }) => sum + columns.length, 0);
  const isFull = count <= MOST_COLUMNS;
  const contents = new Map(shown.tables.map((table) => [table.id, columnsOf(table, ways, selected, isFull)]));
  const sized = shown.tables.map((table) => {
    const { columns, more } = contents.get(table.id) ?? { columns: [], more: 0 };
    const rows = columns.length + (more > 0 ? 1 : 0);
    return { table, height: HEAD_HEIGHT + rows * ROW_HEIGHT + (rows > 0 ? FOOT : 0) };
  });
  const layout = await layoutBoxes(
    sized.map(({ table, height }) => ({ id: table.id, height, reads: table.reads })),
  );
  const boxes = sized.map(({ table, height }): PictureBox => ({
    table,
    height,
    ...(layout.places.get(table.id) ?? { x: 0, y: 0 }),
    ...(contents.get(table.id) ?? { columns: [], more: 0 }),
    isOnWay: ways.has(table.id),
  }));
  return {
    width: layout.width,
    height: layout.height,
    boxes,
    edges: edgesOf(boxes, ways),
    hasSelection: selected !== undefined,
  };
}

/** The columns on the selected one's ways, by table. */
type Ways = ReadonlyMap<string, ReadonlySet<string>>;

function waysOf(whole: PipelineLineage, selected: Selected | undefined): Ways {
  if (selected === undefined) return new Map();
  const { tables } = traceLineage(whole, { ...selected, direction: "both" });
  return new Map(tables.map(({ id, columns }) => [id, new Set(columns.map(({ name }) => name))]));
}

function columnsOf(
  table: TableLineage,
  ways: Ways,
  selected: Selected | undefined,
  isFull: boolean,
): Pick<PictureBox, "columns" | "more"> {
  const onWay = ways.get(table.id) ?? new Set();
  const shown = table.columns.filter(({ name }, index) => onWay.has(name) || isFull && index < MOST_ROWS);
  return {
    columns: shown.map(({ name, type, pii }) => ({
      name,
      type,
      isPii: pii === true,
      isOnWay: onWay.has(name),
      isSelected: selected?.table === table.id && selected.column === name,
    })),
    more: table.columns.length - shown.length,
  };
}

function edgesOf(boxes: readonly PictureBox[], ways: Ways): PictureEdge[] {
  const byId = new Map(boxes.map((box) => [box.table.id, box]));
  return boxes.flatMap((to): PictureEdge[] => {
    const drawn = new Set<string>();
    const columns = to.table.columns.flatMap((column): PictureEdge[] => {
      const end = rowOf(to, column.name);
      return column.sources.flatMap((source): PictureEdge[] => {
        const from = byId.get(source.table);
        const start = from && rowOf(from, source.column);
        if (from === undefined || from === to || start === undefined || end === undefined) return [];
        drawn.add(from.table.id);
        return [{
          from: from.table.id,
          to: to.table.id,
          path: curve(from.x + BOX_WIDTH, start, to.x, end),
          way: source.way,
          isOnWay: ways.get(from.table.id)?.has(source.column) === true &&
            ways.get(to.table.id)?.has(column.name) === true,
        }];
      });
    });
    const whole = to.table.reads.flatMap((id): PictureEdge[] => {
      const from = byId.get(id);
      if (from === undefined || from === to || drawn.has(id)) return [];
      const path = curve(from.x + BOX_WIDTH, from.y + HEAD_HEIGHT / 2, to.x, to.y + HEAD_HEIGHT / 2);
      // What is made of a column there nobody knows.
      const isOnWay = to.table.unknown !== undefined && ways.has(id) && ways.has(to.table.id);
      return [{ from: id, to: to.table.id, path, way: undefined, isOnWay }];
    });
    return [...whole, ...columns];
  });
}

/** The middle of a column's row; undefined where it is not shown. */
function rowOf(box: PictureBox, column: string): number | undefined {
  const index = box.columns.findIndex(({ name }) => name === column);
  return index === -1 ? undefined : box.y + HEAD_HEIGHT + (index + 0.5) * ROW_HEIGHT;
}

/** Level where it leaves and where it arrives. */
function curve(fromX: number, fromY: number, toX: number, toY: number): string {
  const bend = Math.max(40, Math.abs(toX - fromX) / 2);
  const at = (value: number) => Math.round(value * 10) / 10;
  return `M${at(fromX)} ${at(fromY)}C${at(fromX + bend)} ${at(fromY)} ${at(toX - bend)} ${at(toY)} ${
    at(toX)
  } ${at(toY)}`;
}
