/**
 * Draws charts as SVG, without a browser. What is measured is drawn full: solid lines, filled dots and
 * bars; what is modelled is drawn in outline: broken lines, hollow dots and bars. Colours suit light
 * and dark pages; everything that is not data has the colour of the text around it.
 */
import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom";
import type { BarChart, Chart, LineChart } from "./chart.ts";
import { Html } from "./html.ts";

/** Told apart by people who see colours in other ways, too (Okabe and Ito). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999"];
const WIDTH = 760, HEIGHT = 340, BAR_HEIGHT = 22;
const LEFT_OF_BARS = 310;
const BROKEN = "5,4";

/** An `svg` element and its size. */
interface Drawn {
  readonly svg: Html;
  readonly width: number;
  readonly height: number;
}

/** A drawn chart, and what its colours mean. */
export interface Drawing extends Drawn {
  readonly legend: readonly { readonly name: string; readonly colour: string }[];
}

/** Plot's types ask for a browser's document; linkedom's, of XML, is enough for what it does. */
function newDocument(): Document {
  return new DOMParser().parseFromString("<svg/>", "image/svg+xml") as unknown as Document;
}

type Options = NonNullable<Parameters<typeof Plot.plot>[0]>;

/** Without a style sheet and labels of its own: it becomes a part of a picture, which has them. */
function draw(options: Options): Drawn {
  const svg = Plot.plot({
    document: newDocument(),
    width: WIDTH,
    style: { background: "none", fontSize: "12px" },
    ...options,
  }) as unknown as {
    readonly outerHTML: string;
    querySelector(selector: string): { remove(): void } | null;
    querySelectorAll(selector: string): Iterable<{ removeAttribute(name: string): void }>;
    getAttribute(name: string): string;
    setAttribute(name: string, value: string): void;
  };
  svg.querySelector("style")?.remove();
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  svg.setAttribute("overflow", "visible");
  return {
    svg: new Html(svg.outerHTML),
    width: Number(svg.getAttribute("width")),
    height: Number(svg.getAttribute("height")),
  };
}

/** Names of the things drawn with a colour each, in their order. */
function colourScale(names: readonly string[]) {
  const domain = [...new Set(names)];
  return { domain, range: domain.map((_, i) => COLOURS[i % COLOURS.length]!) };
}

function legendOf(names: readonly string[]): Drawing["legend"] {
  const { domain, range } = colourScale(names);
  return domain.map((name, i) => ({ name, colour: range[i]! }));
}

/** A series "x, measured" and "x, modelled" have one colour. */
function colourName(name: string): string {
  return name.replace(/, (measured|modelled)$/, "");
}

function drawLines({ x, y, series }: LineChart): Drawing {
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
  const drawn = draw({
    height: HEIGHT,
    marginLeft: 60,
    marginBottom: 40,
    grid: true,
    x: { label: x.label, type: x.logarithmic ? "log" : "linear" },
    y: { label: y.label, type: y.logarithmic ? "log" : "linear", zero: !y.logarithmic },
    marks,
  });
  return { ...drawn, legend: legendOf(names) };
}

function drawBars({ value, bars }: BarChart): Drawing {
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
  const drawn = draw({
    height: order.length * BAR_HEIGHT + 60,
    marginLeft: LEFT_OF_BARS,
    x: { label: value.label, grid: true },
    y: { label: null, domain: order },
    color: { type: "identity" },
    marks: [bar("measured"), bar("modelled"), Plot.ruleX([0])],
  });
  return { ...drawn, legend: legendOf(names) };
}

/** Draws a chart; its title is for whoever puts it somewhere. */
export function drawChart(chart: Chart): Drawing {
  return chart.type === "lines" ? drawLines(chart) : drawBars(chart);
}
