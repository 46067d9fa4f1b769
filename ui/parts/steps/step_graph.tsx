import type { PipelineStep, RunDetail, Step, StepState } from "../../../contract/run.ts";
import { formatPlural } from "../../../text/format.ts";
import { type GraphEdge, layoutGraph, type Point } from "./graph_layout.ts";
import { Icon } from "../icons.tsx";
import { checksOf, shortStepName, stepAnchor } from "./step_names.tsx";
import { plainText, truncate } from "../plain_text.ts";

const SIZES = { nodeWidth: 184, nodeHeight: 48, layerGap: 42, nodeGap: 16 } as const;
const MARGIN = 2;
/** What fits into a node in the fixed-width type of its name. */
const NAME_CHARS = 22;

export interface StepGraphView {
  readonly steps: readonly PipelineStep[];
  /** The pipeline's newest run, for the state of each node. */
  readonly lastRun?: RunDetail;
}

/** The steps from extracts over models to loads. Checks are counted on the model that they look at. */
export function StepGraph({ steps, lastRun }: StepGraphView) {
  const nodes = steps.filter((step) => step.kind !== "check");
  const layout = layoutGraph(nodes.map((step) => ({ id: step.name, depends: step.depends })), SIZES);
  const width = layout.width + 2 * MARGIN;
  const height = layout.height + 2 * MARGIN;
  const states = statesOf(lastRun?.steps ?? []);
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Graph of the steps">
      <svg class="graph" width={width} height={height} viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}>
        {layout.edges.map((edge) => <path class="edge" d={edgePath(edge)} />)}
        {nodes.map((step) => (
          <GraphNode
            step={step}
            at={layout.nodes.get(step.name) ?? { x: 0, y: 0 }}
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
  readonly step: PipelineStep;
  readonly at: Point;
  readonly checks: number;
  readonly state: StepState | undefined;
}

function GraphNode({ step, at, checks, state }: GraphNodeProps) {
  const label = shortStepName(step.name);
  const about = checks > 0 ? `${step.kind} · ${formatPlural(checks, "check")}` : step.kind;
  return (
    <a href={`#${stepAnchor(step.name)}`} class={`node node-${step.kind}`}>
      <title>
        {`${step.name}: ${plainText(step.summary)}${state === undefined ? "" : ` (last run: ${state})`}`}
      </title>
      {/* A nested drawing cuts off what a long name would let hang out. */}
      <svg x={at.x} y={at.y} width={SIZES.nodeWidth} height={SIZES.nodeHeight}>
        <rect
          class="node-box"
          x="0.75"
          y="0.75"
          width={SIZES.nodeWidth - 1.5}
          height={SIZES.nodeHeight - 1.5}
          rx="7"
        />
        <rect class="node-kind" x="0.75" y="9" width="3.5" height={SIZES.nodeHeight - 18} rx="1.5" />
        <text class="node-name" x="14" y="21">{truncate(label, NAME_CHARS)}</text>
        <text class="node-about" x="14" y="37">{about}</text>
        {state !== undefined && (
          <svg class={`node-state state-${state}`} x={SIZES.nodeWidth - 26} y="24.5" width="15" height="15">
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
