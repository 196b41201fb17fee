/** Numbers as people read them. */

const PREFIXES = ["", "k", "M", "G"] as const;

/** Three significant digits and a prefix: 12345 is `12.3 k`. */
export function short(value: number): string {
  let power = 0;
  while (Math.abs(value) >= 999.5 && power < PREFIXES.length - 1) {
    value /= 1000;
    power++;
  }
  const digits = Math.abs(value) >= 99.95 || Number.isInteger(value) && power === 0
    ? 0
    : Math.abs(value) >= 9.995
    ? 1
    : 2;
  return `${value.toFixed(digits)} ${PREFIXES[power]}`.trim();
}

/** 0.123 is `12 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Nanoseconds in the unit that suits them. */
export function time(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} us`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(2)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

/** Such as `1 min 5 s`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds), minutes = Math.floor(whole / 60);
  if (minutes === 0) return `${whole} s`;
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Four significant digits: 12345 is `12,350`. */
export function figure(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** The same with its sign; 0 has none. */
export function signed(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4, signDisplay: "exceptZero" });
}

/** 0.1234 is `+12.3 %`. */
export function signedPercent(share: number): string {
  const options = { maximumSignificantDigits: 3, signDisplay: "exceptZero" } as const;
  return `${(share * 100).toLocaleString("en", options)} %`;
}

/** A time of the API (ISO 8601, UTC) to the minute. */
export function moment(at: string): string {
  return `${at.slice(0, 16).replace("T", " ")} UTC`;
}

/** Bytes in the unit that suits them. */
export function size(bytes: number): string {
  return bytes < 1024 ** 3
    ? `${(bytes / 1024 ** 2).toFixed(1)} MiB`
    : `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
