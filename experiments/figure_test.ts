import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { DOMParser } from "linkedom";
import type { Chart } from "./chart.ts";
import { drawFigure } from "./figure.ts";

const HOSTILE = `</text><script>alert("1")</script>&"'`;

const LINES: Chart = {
  type: "lines",
  title: HOSTILE,
  x: { label: HOSTILE },
  y: { label: "ns", logarithmic: true },
  series: [
    { name: HOSTILE, kind: "measured", points: [{ x: 1, y: 2, low: 1, high: 3 }, { x: 2, y: 4 }] },
    { name: "other", kind: "modelled", points: [{ x: 1, y: 5 }] },
  ],
};
const BARS: Chart = {
  type: "bars",
  title: "bars",
  value: { label: "ns" },
  bars: [{ category: HOSTILE, name: "", kind: "modelled", parts: [{ name: "a", value: 3 }] }],
};

/** The part of an element that this looks at. */
interface Element {
  readonly tagName: string;
  readonly textContent: string;
  getAttribute(name: string): string;
  querySelectorAll(selector: string): Iterable<Element>;
}

function pictureOf(chart: Chart): Element {
  const document = new DOMParser().parseFromString(`${drawFigure(chart)}`, "image/svg+xml");
  return document.documentElement as unknown as Element;
}

const textsOf = (picture: Element) =>
  [...picture.querySelectorAll("text")].map((one) => one.textContent);

Deno.test("drawFigure() names the chart, its colours and the kinds that it shows", () => {
  const lines = textsOf(pictureOf(LINES)), bars = textsOf(pictureOf(BARS));
  deepStrictEqual(lines.slice(0, 5), [
    HOSTILE,
    HOSTILE,
    "other",
    "measured: full",
    "modelled: outline",
  ]);
  deepStrictEqual(bars.slice(0, 3), ["bars", "a", "modelled: outline"]);
  strictEqual(pictureOf(BARS).getAttribute("aria-label"), "bars");
});

Deno.test("drawFigure() shows what a chart holds as text, and needs nothing else", () => {
  for (const chart of [LINES, BARS]) {
    const picture = pictureOf(chart);
    strictEqual(picture.getAttribute("xmlns"), "http://www.w3.org/2000/svg");
    const names = new Set([...picture.querySelectorAll("*")].map((one) => one.tagName));
    for (const name of ["script", "style", "image", "use", "a"]) ok(!names.has(name), name);
    ok(!/url\(|href/.test(`${drawFigure(chart)}`));
  }
});

Deno.test("drawFigure() breaks a legend that is wider than the picture", () => {
  const series = Array.from({ length: 12 }, (_, i) => ({
    name: `a name of a series that is long ${i}`,
    kind: "measured" as const,
    points: [{ x: 1, y: i }],
  }));
  const picture = pictureOf({ ...LINES, type: "lines", series } as Chart);
  const places = [...picture.querySelectorAll("g")]
    .map((one) => /^translate\(([\d.]+),(\d+)\)$/.exec(one.getAttribute("transform")))
    .filter((at) => at !== null).slice(0, 13);
  ok(new Set(places.map((at) => at[2])).size > 2, "several lines");
  for (const at of places) ok(Number(at[1]) < 760);
  match(picture.getAttribute("viewBox"), /^0 0 760 \d+$/);
});
