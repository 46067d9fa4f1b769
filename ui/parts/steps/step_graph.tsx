import type { Step, StepKind, StepState } from "../../../contract/run.ts";
import { formatPlural } from "../../../text/format.ts";
import { MOST_STEPS } from "./fitting.ts";
import { type GraphEdge, layoutGraph, type Point } from "./graph_layout.ts";
import { Empty } from "../empty.tsx";
import { Icon } from "../icons.tsx";
import { checksOf, shortStepName, stepAnchor } from "./step_names.tsx";
import { plainText } from "../plain_text.ts";
import { wrapName } from "./wrap_name.ts";

const LINE_CHARS = 24;
const CHAR_WIDTH = 7.3;
const LINE_HEIGHT = 15;
const LEAST_WIDTH = 150;
/** A drawing that is a little wider than a window of 1,280 pixels is made smaller, one that is far wider scrolls. */
const FITTING_WIDTHS = { from: 1_040, to: 1_500 } as const;
const MARGIN = 2;

/** A step of a pipeline or of a run. */
export interface GraphStep {
  readonly name: string;
  readonly kind: StepKind;
  readonly depends: readonly string[];
  /** What it is, for a person. */
  readonly summary?: string;
}

export interface StepGraphView {
  readonly steps: readonly GraphStep[];
  /** Of a run: what became of each step. */
  readonly states: readonly Step[];
}

/**
 * The steps from extracts over models to loads. Checks are counted on the model that they look at. The page's
 * script lets it be made larger and smaller, and shows what a step is connected with.
 */
export function StepGraph({ steps, states: seen }: StepGraphView) {
  const nodes = steps.filter((step) => step.kind !== "check");
  if (nodes.length > MOST_STEPS) {
    return (
      <Empty title="Too many steps for one picture">
        <p>The lineage of the pipeline shows each table with what it is made of.</p>
      </Empty>
    );
  }
  const lines = new Map(nodes.map(({ name }) => [name, wrapName(shortStepName(name), LINE_CHARS)]));
  const longest = Math.max(0, ...[...lines.values()].flat().map((line) => [...line].length));
  const sizes = {
    nodeWidth: Math.max(LEAST_WIDTH, Math.ceil(longest * CHAR_WIDTH) + 28),
    nodeHeight: 48,
    layerGap: 42,
    nodeGap: 16,
  };
  const heightOf = (name: string) => 33 + LINE_HEIGHT * (lines.get(name)?.length ?? 1);
  const layout = layoutGraph(
    nodes.map(({ name, depends }) => ({ id: name, depends, height: heightOf(name) })),
    sizes,
  );
  const width = layout.width + 2 * MARGIN;
  const height = layout.height + 2 * MARGIN;
  const states = statesOf(seen);
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Graph of the steps">
      <svg
        class={`graph${width > FITTING_WIDTHS.from && width <= FITTING_WIDTHS.to ? " fits" : ""}`}
        width={width}
        height={height}
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
      >
        {layout.edges.map((edge) => (
          <path class="edge" d={edgePath(edge)} data-from={edge.from} data-to={edge.to} />
        ))}
        {nodes.map((step) => (
          <GraphNode
            step={step}
            lines={lines.get(step.name) ?? []}
            at={layout.nodes.get(step.name) ?? { x: 0, y: 0 }}
            size={{ width: sizes.nodeWidth, height: heightOf(step.name) }}
            checks={checksOf(step, steps).length}
            state={states.get(step.name)}
          />
        ))}
      </svg>
    </div>
  );
}

/** The state of each step, `warned` where it succeeded and a check of it found something to tell. */
function statesOf(steps: readonly Step[]): ReadonlyMap<string, StepState> {
  return new Map(steps.map((step) => [
    step.name,
    step.state === "succeeded" && checksOf(step, steps).some(({ state }) => state === "warned")
      ? "warned"
      : step.state,
  ]));
}

interface GraphNodeProps {
  readonly step: GraphStep;
  /** Its name. */
  readonly lines: readonly string[];
  readonly at: Point;
  readonly size: { readonly width: number; readonly height: number };
  readonly checks: number;
  readonly state: StepState | undefined;
}

function GraphNode({ step, lines, at, size, checks, state }: GraphNodeProps) {
  const about = checks > 0 ? `${step.kind} · ${formatPlural(checks, "check")}` : step.kind;
  const { summary } = step;
  const titled = summary === undefined ? step.name : `${step.name}: ${plainText(summary)}`;
  return (
    <a href={`#${stepAnchor(step.name)}`} class={`node node-${step.kind}`} data-step={step.name}>
      <title>
        {state === undefined ? titled : `${titled} (${state})`}
      </title>
      <svg x={at.x} y={at.y} width={size.width} height={size.height}>
        <rect
          class="node-box"
          x="0.75"
          y="0.75"
          width={size.width - 1.5}
          height={size.height - 1.5}
          rx="7"
        />
        <rect class="node-kind" x="0.75" y="9" width="3.5" height={size.height - 18} rx="1.5" />
        <text class="node-name">
          {lines.map((line, index) => <tspan x="14" y={21 + index * LINE_HEIGHT}>{line}</tspan>)}
        </text>
        <text class="node-about" x="14" y={size.height - 11}>{about}</text>
        {state !== undefined && (
          <svg
            class={`node-state state-${state}`}
            x={size.width - 26}
            y={size.height - 23.5}
            width="15"
            height="15"
          >
            <Icon name={state} />
          </svg>
        )}
      </svg>
    </a>
  );
}

/** A curve through the edge's points: level where it leaves and where it arrives. */
function edgePath({ points }: GraphEdge): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${first.x} ${first.y}`;
  let from = first;
  for (const point of rest) {
    const bend = (point.x - from.x) / 2;
    path += from.y === point.y
      ? `L${point.x} ${point.y}`
      : `C${from.x + bend} ${from.y} ${point.x - bend} ${point.y} ${point.x} ${point.y}`;
    from = point;
  }
  return path;
}
