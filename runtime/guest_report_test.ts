import { deepStrictEqual, strictEqual } from "node:assert";
import fc from "fast-check";
import { readGuestReport } from "./guest_report.ts";

Deno.test("readGuestReport() takes measurements out of the text", () => {
  const report = readGuestReport(
    "first\n@hist out 10:3 20:1\nsecond\n@ticks loop 4 100\n@ticks boot 1 7\nlast",
  );
  strictEqual(report.text, "first\nsecond\nlast");
  deepStrictEqual([...report.histograms.keys()], ["out"]);
  strictEqual(report.histograms.get("out")!.quantile(0.75), 10);
  strictEqual(report.histograms.get("out")!.quantile(1), 20);
  deepStrictEqual([...report.spans], [
    ["loop", { n: 4, ticks: 100 }],
    ["boot", { n: 1, ticks: 7 }],
  ]);
});

Deno.test("readGuestReport() puts the lines of one histogram together", () => {
  const { histograms } = readGuestReport("@hist a 1:2\n@hist b 5:1\n@hist a 1:1 3:1\n");
  strictEqual(histograms.get("a")!.n, 4);
  strictEqual(histograms.get("a")!.quantile(1), 3);
  strictEqual(histograms.get("b")!.n, 1);
});

Deno.test("readGuestReport() adds up the counts of one name", () => {
  const { counts, text } = readGuestReport("@count kicks 2\n@count bytes 4096\n@count kicks 3\n");
  deepStrictEqual([...counts], [["kicks", 5], ["bytes", 4096]]);
  strictEqual(text, "");
});

Deno.test("readGuestReport() skips what is no count", () => {
  const { histograms } = readGuestReport("@hist a x:1 2 3:y 7:1  \r\n");
  strictEqual(histograms.get("a")!.n, 1);
  strictEqual(histograms.get("a")!.quantile(0), 7);
});

Deno.test("readGuestReport() keeps lines that only look like a measurement", () => {
  const output = "@hist\n@ticks loop 4\n@ticks loop four 100\n@ticks loop 4 100 1\n @other x\n\n" +
    "@count\n@count kicks\n@count kicks few\n@count kicks 1 2\n";
  const { text, histograms, spans, counts } = readGuestReport(output);
  strictEqual(text, output);
  strictEqual(histograms.size + spans.size + counts.size, 0);
});

Deno.test("readGuestReport() leaves any text without measurements as it is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (output) => {
    fc.pre(!/@(hist|ticks|count)/.test(output));
    strictEqual(readGuestReport(output).text, output);
  }));
});
