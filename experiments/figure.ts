/**
 * A chart as a picture that stands alone: title, legend and a light ground are in it. A page that
 * shows it says by its style sheet what suits the page: `color` of the picture, `fill` of `.ground`.
 */
import type { Chart } from "./chart.ts";
import { type Html, html } from "./html.ts";
import { drawChart } from "./plot.ts";

const MARGIN = 10, TITLE_BASELINE = 22, TITLE_SIZE = 14;
const LEGEND_TOP = 44, LEGEND_LINE = 18, LEGEND_GAP = 16;
/** Room for a mark and, about, for a character of the legend's text. */
const MARK_WIDTH = 16, CHARACTER_WIDTH = 6.6;

/** What a mark of the legend means. */
interface Entry {
  readonly text: string;
  /** Its left end is at 0, its middle on the line. */
  readonly mark: Html;
}

const KIND_ENTRIES: readonly (Entry & { readonly kind: "measured" | "modelled" })[] = [
  {
    kind: "measured",
    text: "measured: full",
    mark: html`
      <circle cx="5" r="4" fill="currentColor" />
    `,
  },
  {
    kind: "modelled",
    text: "modelled: outline",
    mark: html`
      <circle cx="5" r="4" fill="none" stroke="currentColor" stroke-dasharray="3,2" />
    `,
  },
];

function entriesOf(
  chart: Chart,
  legend: readonly { readonly name: string; readonly colour: string }[],
): Entry[] {
  const drawn = chart.type === "lines" ? chart.series : chart.bars;
  return [
    ...legend.map(({ name, colour }) => ({
      text: name,
      mark: html`
        <rect y="-5" width="10" height="10" fill="${colour}" />
      `,
    })),
    ...KIND_ENTRIES.filter(({ kind }) => drawn.some((one) => one.kind === kind)),
  ];
}

/** Lays entries out in lines. */
function drawLegend(entries: readonly Entry[], width: number): { svg: Html[]; bottom: number } {
  let x = MARGIN, y = LEGEND_TOP;
  const svg = entries.map(({ text, mark }) => {
    const needed = MARK_WIDTH + text.length * CHARACTER_WIDTH;
    if (x > MARGIN && x + needed > width - MARGIN) {
      x = MARGIN;
      y += LEGEND_LINE;
    }
    const at = `translate(${x.toFixed(1)},${y})`;
    x += needed + LEGEND_GAP;
    return html`<g transform="${at}">${mark}<text x="${MARK_WIDTH}" y="4">${text}</text></g>`;
  });
  return { svg, bottom: y + LEGEND_LINE };
}

/** Draws a chart as an `svg` element, well-formed XML. */
export function drawFigure(chart: Chart): Html {
  const { svg, width, height, legend } = drawChart(chart);
  const { svg: entries, bottom } = drawLegend(entriesOf(chart, legend), width);
  const whole = bottom + height;
  // deno-fmt-ignore
  return html`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${chart.title}"
    viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}"
    color="#1b1f27" fill="currentColor" font-family="system-ui, sans-serif" font-size="12">
    <rect class="ground" width="${width}" height="${whole}" fill="#ffffff"/>
    <text x="${MARGIN}" y="${TITLE_BASELINE}" font-size="${TITLE_SIZE}"
      font-weight="600">${chart.title}</text>${entries}
    <g transform="translate(0,${bottom})">${svg}</g></svg>`;
}
