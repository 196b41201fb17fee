/**
 * The report of an experiment: one HTML file that needs no script, no network and no other file. What
 * is measured and what is modelled have a column, a colour and a shape each.
 */
import type { ExperimentRecord } from "../runtime/records.ts";
import { rowsToCsv } from "../runtime/row_csv.ts";
import { describePlace, type Experiment } from "./experiment.ts";
import { drawFigure } from "./figure.ts";
import { type Html, html } from "./html.ts";
import { intervalText, valueText } from "./row_text.ts";
import { pairRows, type RowPair } from "./rows.ts";

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1b; --soft: #666; --line: #ddd;
  --measured: #0a6b3d; --modelled: #7a3db8; }
@media (prefers-color-scheme: dark) { :root { --back: #16181b; --text: #e6e6e6; --soft: #a0a0a0;
  --line: #3a3d42; --measured: #6fd3a2; --modelled: #cba6f7; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem; text-align: left; }
td.figure, th.figure { text-align: right; }
td.interval, .soft { color: var(--soft); }
.scroll { overflow-x: auto; }
figure { margin: 2rem 0; }
figure > svg { color: var(--text); height: auto; max-width: 100%; }
.ground { fill: none; }
.measured { color: var(--measured); font-weight: 600; }
.modelled { color: var(--modelled); font-style: italic; }
.badge { border: 1.5px solid currentColor; border-radius: .3em; padding: 0 .4em; }
.badge.modelled { border-style: dashed; }
`;

/** Nothing may be loaded, whatever a record holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

function dataLink(file: string, type: string, text: string): Html {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return html`<a download="${file}" href="data:${type};base64,${btoa(binary)}">${file}</a>`;
}

function tableRow({ measured, modelled }: RowPair): Html {
  const row = (measured ?? modelled)!;
  return html`
    <tr>
      <td>${describePlace(row, row.at)}</td>
      <td>${row.unit}</td>
      <td class="figure measured">${valueText(measured)}</td>
      <td class="interval">${intervalText(measured?.interval)}</td>
      <td class="figure">${measured?.n}</td>
      <td class="figure modelled">${valueText(modelled)}</td>
    </tr>
  `;
}

function tableOf(name: string, pairs: readonly RowPair[]): Html {
  return html`
    <h3>${name}</h3>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>where</th>
            <th>unit</th>
            <th class="figure measured">measured</th>
            <th>95 % interval</th>
            <th class="figure">n</th>
            <th class="figure modelled">modelled</th>
          </tr>
        </thead>
        <tbody>${pairs.map(tableRow)}</tbody>
      </table>
    </div>
  `;
}

/** Pairs by the name of their rows. */
function byName(pairs: readonly RowPair[]): Map<string, RowPair[]> {
  const groups = new Map<string, RowPair[]>();
  for (const pair of pairs) {
    const { name } = (pair.measured ?? pair.modelled)!;
    groups.set(name, [...groups.get(name) ?? [], pair]);
  }
  return groups;
}

/**
 * Writes a report.
 *
 * @param experiment whose record it is
 * @param at when it was run: ISO 8601
 */
export function reportOf(
  experiment: Pick<Experiment, "title" | "charts" | "summary">,
  record: ExperimentRecord,
  at: string,
): string {
  const { name, host, parameters, rows } = record;
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="viewport" content="width=device-width">
        <title>${name}: ${experiment.title}</title>
        <style>${STYLE}</style>
      </head>
      <body><h1>${name}</h1>
    <p>${experiment.title}</p>
    <p class="soft">${at}; ${host.cpu}, cores ${host.cores}, Linux ${host.kernel}, Deno ${host
      .deno}</p>
    <p><span class="badge measured">measured</span> on the host above, by its clock.
    <span class="badge modelled">modelled</span> by a virtual clock or a formula, with the constants of a
    Xeon X5570 at 2.93 GHz. Values are medians of n repetitions.</p>
    <ul>${experiment.summary(rows).map((sentence) => html`<li>${sentence}</li>`)}</ul>
    ${experiment.charts(rows).map((chart) => html`<figure>${drawFigure(chart)}</figure>`)}
    <h2>All figures</h2>
    ${[...byName(pairRows(rows))].map(([title, pairs]) => tableOf(title, pairs))}
    <h2>Parameters</h2>
    <div class="scroll"><table><tbody>${Object.entries(parameters).map(([key, value]) =>
      html`
        <tr>
          <td>${key}</td>
          <td>${Array.isArray(value) ? value.join(", ") : String(value)}</td>
        </tr>
      `
    )}</tbody></table></div>
    <p>${dataLink(`${name}.json`, "application/json", JSON.stringify(record))}
    ${dataLink(`${name}.csv`, "text/csv", rowsToCsv(rows))}</p>
      </body>
    </html>
  `;
  return page.toString().trimStart();
}
