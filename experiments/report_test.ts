import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { parseHTML } from "linkedom";
import { type ExperimentRecord, experimentRecordSchema } from "../runtime/records.ts";
import { rowsToCsv } from "../runtime/row_csv.ts";
import { fakeContext, fakeExperiment, fakeParameters } from "./fake_experiment.ts";
import { reportOf } from "./report.ts";
import { runExperiment } from "./runner.ts";
import { placement } from "./placement.ts";
import { splitx } from "./splitx/splitx.ts";

const HOSTILE = `<script>alert("1")</script>&"'`;

async function fakeRecord(): Promise<ExperimentRecord> {
  const parameters = fakeParameters({ repetitions: 4, precision: 0 });
  const { rows } = await runExperiment(fakeExperiment(), parameters, fakeContext());
  return experimentRecordSchema.parse({
    schema: "splitx.experiment/1",
    name: "fake",
    host: {
      cpu: HOSTILE,
      cores: "0-1",
      kernel: "6.1",
      deno: "2.9",
      tscKhz: 2_000_000,
      native: "none",
      ring0Ns: 0,
      ring3Ns: 0,
      exitNs: 0,
    },
    parameters,
    rows,
  });
}

/** The part of a browser's elements that this looks at. */
interface Element {
  readonly tagName: string;
  readonly textContent: string;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  getAttribute(name: string): string | null;
}

function elementsOf(page: string, selector: string): Element[] {
  const { document } = parseHTML(page) as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Element> };
  };
  return [...document.querySelectorAll(selector)];
}

Deno.test("reportOf() refers to nothing outside itself and needs no script", async () => {
  const page = reportOf(fakeExperiment(), await fakeRecord(), "2026-01-01T00:00:00Z");
  match(page, /^<!doctype html>/);
  const elements = elementsOf(page, "*");
  ok(elements.length > 100);
  for (const element of elements) {
    ok(!["SCRIPT", "LINK", "IMG", "IFRAME", "OBJECT"].includes(element.tagName.toUpperCase()));
    for (const { name, value } of element.attributes) {
      ok(!name.startsWith("on"), name);
      if (["href", "src", "xlink:href", "action"].includes(name)) match(value, /^(data:|#)/);
      ok(!/url\((?!#)/.test(value), value);
    }
  }
  ok(!/@import|url\(/.test(elementsOf(page, "style").map((one) => one.textContent).join()));
  const policy = elementsOf(page, "meta[http-equiv]")[0]!.getAttribute("content");
  match(policy!, /^default-src 'none'/);
});

Deno.test("reportOf() shows what a record holds as text", async () => {
  const page = reportOf(fakeExperiment(), await fakeRecord(), "2026-01-01T00:00:00Z");
  ok(!page.includes(HOSTILE));
  ok(elementsOf(page, "p.soft")[0]!.textContent.includes(HOSTILE));
});

Deno.test("reportOf() carries the record and its rows as files", async () => {
  const record = await fakeRecord();
  const links = elementsOf(reportOf(fakeExperiment(), record, "2026"), "a[download]");
  const content = (link: Element) =>
    new TextDecoder().decode(
      Uint8Array.from(atob(link.getAttribute("href")!.split(",")[1]!), (c) => c.charCodeAt(0)),
    );
  const [json, csv] = links;
  deepStrictEqual(experimentRecordSchema.parse(JSON.parse(content(json!))), record);
  strictEqual(content(csv!), rowsToCsv(record.rows));
  deepStrictEqual(links.map((link) => link.getAttribute("download")), ["fake.json", "fake.csv"]);
});

Deno.test("reportOf() tells measured and modelled apart in tables and charts", async () => {
  const record = await fakeRecord();
  const page = reportOf(fakeExperiment(), record, "2026");
  const cells = (kind: string) => elementsOf(page, `td.${kind}`).filter((one) => one.textContent);
  strictEqual(
    cells("measured").length,
    record.rows.filter((row) => row.kind === "measured").length,
  );
  strictEqual(
    cells("modelled").length,
    record.rows.filter((row) => row.kind === "modelled").length,
  );
  strictEqual(elementsOf(page, "svg g[stroke-dasharray]").length, 1, "one broken line");
  strictEqual(elementsOf(page, "figure > svg").length, 1);
  match(page, /prefers-color-scheme: dark/);
});

Deno.test("an experiment without rows has no charts and no sentences", () => {
  for (const experiment of [splitx, placement]) {
    deepStrictEqual(experiment.charts([]), []);
    deepStrictEqual(experiment.summary([]), []);
  }
});
