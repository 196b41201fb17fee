/** What a chart shows, before anybody draws it. */

/** One direction of a chart. */
export interface Axis {
  readonly label: string;
  /** Steps of equal ratio instead of equal size. */
  readonly logarithmic?: boolean;
}

/** Points that belong together, joined by a line. */
export interface Series {
  readonly name: string;
  readonly kind: "measured" | "modelled";
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    /** A confidence interval of y. */
    readonly low?: number;
    readonly high?: number;
  }[];
}

/** How one figure depends on another. */
export interface LineChart {
  readonly type: "lines";
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/** A bar, made of parts that lie end to end. */
export interface StackedBar {
  readonly category: string;
  readonly name: string;
  readonly kind: "measured" | "modelled";
  readonly parts: readonly { readonly name: string; readonly value: number }[];
}

/** What figures are made of. */
export interface BarChart {
  readonly type: "bars";
  readonly title: string;
  readonly value: Axis;
  readonly bars: readonly StackedBar[];
}

/** See the head of this file. */
export type Chart = LineChart | BarChart;
