/**
 * Draws charts as SVG, without a browser. What is measured is drawn full: solid lines, filled dots and
 * bars; what is modelled is drawn in outline: broken lines, hollow dots and bars. Colours suit light
 * and dark pages; everything that is not data has the colour of the text around it.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { BarChart, Chart, LineChart } from "./chart.ts";
import { Html } from "./html.ts";

/** Told apart by people who see colours in other ways, too (Okabe and Ito). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999"];
const WIDTH = 760, HEIGHT = 340, BAR_HEIGHT = 22;
const LEFT_OF_BARS = 310;
const BROKEN = "5,4";

/** Plot's types ask for a browser's document; linkedom's is enough for what it does. */
function newDocument(): Document {
  const { document } = parseHTML("<html><body></body></html>") as unknown as {
    document: Document;
  };
  return document;
}

type Options = NonNullable<Parameters<typeof Plot.plot>[0]>;

/** What is drawn here is a picture, and is described as one. */
function draw(title: string, options: Options): string {
  const svg = Plot.plot({
    document: newDocument(),
    width: WIDTH,
    ariaLabel: title,
    style: { background: "none", fontSize: "12px" },
    ...options,
  }) as unknown as { outerHTML: string };
  return svg.outerHTML;
}

/** Names of the things drawn with a colour each, in their order. */
function colourScale(names: readonly string[]) {
  const domain = [...new Set(names)];
  return { domain, range: domain.map((_, i) => COLOURS[i % COLOURS.length]!) };
}

/** A series "x, measured" and "x, modelled" have one colour. */
function colourName(name: string): string {
  return name.replace(/, (measured|modelled)$/, "");
}

function drawLines({ title, x, y, series }: LineChart): { svg: string; names: string[] } {
  const names = series.map(({ name }) => colourName(name));
  const marks = series.flatMap(({ name, kind, points }) => {
    const stroke = colourScale(names).range[colourScale(names).domain.indexOf(colourName(name))]!;
    const shown = points.filter((point) =>
      (!x.logarithmic || point.x > 0) && (!y.logarithmic || point.y > 0)
    );
    const data = shown.toSorted((a, b) => a.x - b.x);
    const bounds = data.filter((point) => point.low !== undefined && point.high !== undefined);
    return [
      Plot.line(data, {
        x: "x",
        y: "y",
        stroke,
        ...(kind === "modelled" ? { strokeDasharray: BROKEN } : {}),
      }),
      Plot.ruleX(bounds, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: 2 }),
      Plot.dot(data, {
        x: "x",
        y: "y",
        r: 4,
        stroke,
        fill: kind === "measured" ? stroke : "none",
        title: (point: { x: number; y: number }) => `${name} (${kind}): ${point.x}, ${point.y}`,
      }),
    ];
  });
  const svg = draw(title, {
    height: HEIGHT,
    marginLeft: 60,
    marginBottom: 40,
    grid: true,
    x: { label: x.label, type: x.logarithmic ? "log" : "linear" },
    y: { label: y.label, type: y.logarithmic ? "log" : "linear", zero: !y.logarithmic },
    marks,
  });
  return { svg, names };
}

function drawBars({ title, value, bars }: BarChart): { svg: string; names: string[] } {
  const names = bars.flatMap(({ parts }) => parts.map((part) => part.name));
  const { domain, range } = colourScale(names);
  const rows = bars.flatMap(({ category, name, kind, parts }) => {
    let end = 0;
    return parts.map((part) => {
      const start = end;
      end += part.value;
      const row = [category, name, kind].filter((word) => word !== "").join(", ");
      const colour = range[domain.indexOf(part.name)]!;
      return { row, kind, start, end, part: part.name, colour };
    });
  });
  const order = [...new Set(rows.map(({ row }) => row))];
  const bar = (kind: "measured" | "modelled") =>
    Plot.barX(rows.filter((row) => row.kind === kind), {
      x1: "start",
      x2: "end",
      y: "row",
      fill: "colour",
      stroke: "colour",
      inset: 1,
      ...(kind === "modelled" ? { fillOpacity: 0.12, strokeDasharray: BROKEN } : {}),
      title: (row: typeof rows[number]) => `${row.row}: ${row.part} ${row.end - row.start}`,
    });
  const svg = draw(title, {
    height: order.length * BAR_HEIGHT + 60,
    marginLeft: LEFT_OF_BARS,
    x: { label: value.label, grid: true },
    y: { label: null, domain: order },
    color: { type: "identity" },
    marks: [bar("measured"), bar("modelled"), Plot.ruleX([0])],
  });
  return { svg, names };
}

/** A chart as it stands in a page, and what its colours mean. */
export interface Drawing {
  readonly svg: Html;
  readonly legend: readonly { readonly name: string; readonly colour: string }[];
}

/** Draws a chart. */
export function drawChart(chart: Chart): Drawing {
  const { svg, names } = chart.type === "lines" ? drawLines(chart) : drawBars(chart);
  const { domain, range } = colourScale(names);
  return {
    svg: new Html(svg),
    legend: domain.map((name, i) => ({ name, colour: range[i]! })),
  };
}
